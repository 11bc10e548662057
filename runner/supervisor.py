"""The loop of a runner: collect, settle, claim, cancel, upkeep; then wait for the next event.

    store ──claim──▶ supervisor ──start──▶ pool
      ▲                 │  ▲                 │
      └─────settle──────┘  └────collect──────┘

All in one thread. A turn comes when something can have changed: a job ended, a wake-up came, a job
falls due, or a second has passed (a wake-up may be lost).
"""

import logging
import math
import select
import time

from runner.outcome import Outcome
from runner.pool import Pool
from runner.roster import Kill, Roster, Running
from runner.settling import Settler
from runner.upkeep import Upkeep
from storage.claims import Claims
from storage.job import Fence, Job, StoreError
from storage.liveness import Liveness
from storage.store import now_ms
from storage.wakeup import Waiter

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SETTLE_SECONDS = 5.0
"""How long a stop waits for processes that do not end, or for a store that cannot be had."""


class Supervisor:
    """Runs claimed jobs in a pool, for as long as it is not told to stop."""

    def __init__(
        self,
        pool: Pool,
        roster: Roster,
        claims: Claims,
        liveness: Liveness,
        upkeep: Upkeep,
        drain_seconds: float,
    ):
        self._pool = pool
        self._roster = roster
        self._claims = claims
        self._liveness = liveness
        self._upkeep = upkeep
        self._drain_seconds = drain_seconds
        self._settler = Settler(claims)
        self._ended: list[tuple[Running, Outcome]] = []
        self._stop_at: float | None = None
        self._next_run_at: int | None = None
        self._registered = False
        self._in_doubt = False

    def drain(self) -> None:
        """Claim no more; asked a second time, wait no longer for jobs to end."""
        seconds = self._drain_seconds if self._stop_at is None else 0.0
        self._stop_at = time.monotonic() + seconds
        log.info("draining", extra={"running": len(self._roster), "seconds": seconds})

    def done(self) -> bool:
        """Whether a drain is over: nothing runs, and all is settled; or that takes too long."""
        if self._stop_at is None:
            return False
        left = len(self._roster) + len(self._ended)
        return not left or time.monotonic() > self._stop_at + SETTLE_SECONDS

    def settle_last(self) -> None:
        """Settle what the end of the pool has ended; what cannot be is left to a rescue."""
        self._ended += self._roster.collect()
        try:
            self._settle_and_claim()
        except StoreError as error:
            log.warning("jobs are left to be rescued", extra={"reason": str(error)})

    def tick(self) -> None:
        """One turn. A store that fails leaves everything as it is, to be done in a later turn."""
        self._ended += self._roster.collect()
        try:
            self._register()
            self._reconcile()
            self._settle_and_claim()
            self._kill_canceled()
            self._upkeep.run()
        except StoreError as error:
            # What was committed is not known: the next turn looks.
            self._in_doubt = True
            log.warning("the store failed, trying again", extra={"reason": str(error)})
        if self._registered and self._liveness.doubtful():
            self._disown()
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._roster.kill_all(Kill.RELEASE)

    def wait(self, waiter: Waiter, stop: int) -> None:
        """Sleep until something may have changed; `stop` is a descriptor that ends it, too."""
        poll = select.poll()  # select() ends at descriptor 1023, and a large pool has more
        for descriptor in (waiter.fileno(), *self._pool.filenos(), stop):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        poll.poll(math.ceil(self._patience() * 1000))
        waiter.drain()

    def _register(self) -> None:
        if not self._registered:
            self._claims.register(self._pool.size)
            self._registered = True
            log.info("ready", extra={"runner": self._liveness.name, "slots": self._pool.size})

    def _reconcile(self) -> None:
        """After a doubtful commit: run what the store says was claimed and is not known here."""
        if not self._in_doubt:
            return
        ended = {running.fence for running, _ in self._ended}
        for job in self._claims.held():
            fence = self._fence(job)
            if fence not in self._roster and fence not in ended:
                self._roster.start(job, fence)
        self._in_doubt = False

    def _settle_and_claim(self) -> None:
        """One transaction for all that ended, for progress, and for the jobs to run next."""
        due = self._roster.progress_due()
        if not (self._ended or due or self._is_job_due()):
            return
        with self._claims.turn():
            settled = [(r, o, self._settler.settle(r, o)) for r, o in self._ended]
            for running in due:
                self._claims.progress(running.fence, running.progress or "null")
            jobs = self._claims.claim(self._free())
        self._ended.clear()
        self._next_run_at = None
        for running in due:
            running.progress_stored()
        for running, outcome, moved in settled:
            _log_settled(running, outcome, moved)
        for job in jobs:
            self._roster.start(job, self._fence(job))

    def _is_job_due(self) -> bool:
        self._next_run_at = self._claims.next_run_at() if self._free() > 0 else None
        return self._next_run_at is not None and self._next_run_at <= now_ms()

    def _free(self) -> int:
        return self._pool.free if self._stop_at is None else 0

    def _fence(self, job: Job) -> Fence:
        return Fence(job.id, self._liveness.name, job.attempt)

    def _kill_canceled(self) -> None:
        if self._roster.living():
            for fence in self._claims.to_cancel():
                self._roster.kill(fence, Kill.CANCEL)

    def _disown(self) -> None:
        """The lease ends: kill all jobs and drop what they did; register under a new name."""
        log.error("the lease could not be renewed, killing all jobs")
        self._roster.disown_all()
        self._ended.clear()
        self._registered = False

    def _patience(self) -> float:
        """Seconds to the next thing that has to be done without being woken."""
        now, moments = time.monotonic(), [LOOK_SECONDS]
        if self._next_run_at is not None:
            moments.append((self._next_run_at - now_ms()) / 1000)
        if self._stop_at is not None and self._stop_at > now:
            moments.append(self._stop_at - now)
        progress = self._roster.next_progress()
        if progress is not None:
            moments.append(progress)
        return max(0.01, min(moments))


def _log_settled(running: Running, outcome: Outcome, moved: bool) -> None:
    extra = {**running.names(), "outcome": outcome.kind, "seconds": round(outcome.seconds, 3)}
    if outcome.error_type:
        extra["error"] = f"{outcome.error_type}: {outcome.error_message}"
    log.info("job ended" if moved else "stale end of a job dropped", extra=extra)
