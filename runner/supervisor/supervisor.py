"""The loop of a runner: collect, settle, claim, cancel, upkeep; then wait for the next event.

    store ──claim──▶ supervisor ──start──▶ pool
      ▲                 │  ▲                 │
      └─────settle──────┘  └────collect──────┘

All in one thread. A turn comes when something can have changed: a job ended, a wake-up came, a job
falls due, or a second or two have passed (a wake-up may be lost).
"""

import logging
import math
import select
import time

from runner.pool.pool import Pool
from runner.pool.protocol.lease import steady_now
from runner.pool.protocol.outcome import CallOutcome
from runner.pool.protocol.prefetch import PATIENCE_SECONDS
from runner.supervisor.maintenance import Maintenance
from runner.supervisor.running_jobs import RunningJob, RunningJobs
from runner.supervisor.settle import Settler, hold, log_settled
from runner.supervisor.work import Room, Work
from storage.claiming.parts import ClaimedPart, PartFence
from storage.claiming.statements import ClaimCall, ClaimedJobs
from storage.claims import Claims
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import Waiter
from storage.records.job import Fence, StoreError, StoreInDoubt

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
IDLE_LOOK_SECONDS = 2.0
"""The same while nothing runs, where the kernel tells of the death of other runners."""
RECONCILE_SECONDS = 10.0
SETTLE_SECONDS = 5.0
"""How long a stop waits for processes that do not end, or for a store that cannot be had."""


class Supervisor:
    """Runs claimed jobs in a pool, for as long as it is not told to stop."""

    def __init__(
        self,
        pool: Pool,
        roster: RunningJobs,
        claims: Claims,
        liveness: Liveness,
        upkeep: Maintenance,
        drain_seconds: float,
        parts_bytes: int = 0,
    ):
        """Jobs with files of `parts_bytes` or more are done in parts, if that helps; 0: none."""
        self._pool = pool
        self._roster = roster
        self._claims = claims
        self._liveness = liveness
        self._upkeep = upkeep
        self._drain_seconds = drain_seconds
        self._settler = Settler(claims)
        self._work = Work(claims, roster, pool.size, parts_bytes)
        self._ended: list[tuple[RunningJob, CallOutcome]] = []
        self._stop_at: float | None = None
        self._next_due_at: float | None = None
        self._registered = self._in_doubt = self._waiting = False
        self._doubtful: set[Fence | PartFence] = set()  # a commit in doubt may have stored them
        self._reconcile_at = 0.0

    def drain(self) -> None:
        """Claim no more; asked a second time, wait no longer for jobs to end."""
        seconds = self._drain_seconds if self._stop_at is None else 0.0
        self._stop_at = time.monotonic() + seconds
        log.info("draining", extra={"running": len(self._work), "seconds": seconds})

    def done(self) -> bool:
        """Whether a drain is over: nothing runs, and all is settled; or that takes too long."""
        if self._stop_at is None:
            return False
        return not (self._work or self._ended) or time.monotonic() > self._stop_at + SETTLE_SECONDS

    def settle_last(self) -> None:
        """Settle what the end of the pool has ended; what cannot be is left to a rescue."""
        self._ended += self._work.collect()
        try:
            self._settle_and_claim()
        except StoreError as error:
            log.warning("jobs are left to be rescued", extra={"reason": str(error)})

    def tick(self) -> None:
        """One turn. A store that fails leaves everything as it is, to be done in a later turn."""
        self._ended += self._work.collect()
        try:
            self._register()
            self._liveness.renew()  # first: a lease must not end because something else fails
            self._pool.lease.end_at(self._liveness.safe_until())  # at once: or waits for a lock
            self._reconcile()
            self._ended += self._work.look()
            self._work.kill_canceled()  # ahead of the commit, which waits for the disk
            self._settle_and_claim()
            self._upkeep.run()
        except StoreError as error:
            # What was committed is not known: the next turn looks.
            self._in_doubt = True
            log.warning("the store failed, trying again", extra={"reason": str(error)})
        self._heed_lease()
        self._waiting = self._roster.give_back(PATIENCE_SECONDS if self._stop_at is None else 0.0)
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._work.release_all()

    def wait(self, waiter: Waiter, stop: int) -> None:
        """Sleep until something may have changed; `stop` is a descriptor that ends it, too."""
        poll = select.poll()  # select() ends at descriptor 1023, and a large pool has more
        own = (waiter.fileno(), self._liveness.fileno(), stop)
        for descriptor in (*own, *self._pool.filenos()):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        poll.poll(math.ceil(self._patience() * 1000))
        waiter.drain()
        self._upkeep.heed_news()

    def _register(self) -> None:
        if not self._registered:
            self._claims.register(self._pool.size)
            self._registered = True
            log.info("ready", extra={"runner": self._liveness.name, "slots": self._pool.size})

    def _reconcile(self) -> None:
        """Run what was claimed and is not known here: looked for after a commit that failed, and
        now and then, since a server may make it after the connection was lost."""
        if not self._in_doubt and time.monotonic() < self._reconcile_at:
            return
        self._work.resume([running for running, _ in self._ended])
        self._in_doubt = False
        self._reconcile_at = time.monotonic() + RECONCILE_SECONDS

    def _settle_and_claim(self) -> None:
        """One transaction for all that ended, for progress, and for the jobs to run next."""
        due, room = self._roster.progress_due(), self._room()
        if not (self._ended or due or self._is_job_due(room) or self._work.parts_wait(room)):
            return

        def change(claim: ClaimCall) -> tuple[list[bool], ClaimedJobs, list[ClaimedPart]]:
            moved = self._settler.settle_each(self._ended)
            for running in due:
                self._settler.store_progress(running)
            return moved, *self._work.claim(room, claim)

        def go_on(changed: tuple[list[bool], ClaimedJobs, list[ClaimedPart]]) -> None:
            _, jobs, parts = changed
            for running in due:
                running.progress_stored()
            self._ended = []
            self._work.start(jobs.jobs(), parts)

        ended = self._ended
        try:
            moved, *_ = self._claims.settle_and_claim(
                change, *self._work.for_jobs(room), before_wakeup=go_on
            )
        except StoreInDoubt:
            self._doubtful = {hold(running) for running, _ in ended}
            raise
        log_settled(ended, moved, self._doubtful)
        self._doubtful.clear()
        self._is_job_due(self._room())

    def _is_job_due(self, room: Room) -> bool:
        """Whether there is a job to claim; if not, when there will be is noted."""
        seconds = self._claims.seconds_to_next() if any(room) else None
        self._next_due_at = None if seconds is None else time.monotonic() + seconds
        return seconds is not None and seconds <= 0

    def _room(self) -> Room:
        return self._roster.room() if self._stop_at is None else (0, 0)

    def _heed_lease(self) -> None:
        """The keepers know its end as well, and heed it even while this process is stopped."""
        if self._registered and steady_now() >= self._liveness.safe_until():
            self._disown()

    def _disown(self) -> None:
        """The lease ends: kill all jobs; register under a new name. What has ended before is
        settled yet, if nobody has rescued it: its fence tells."""
        log.error("the lease could not be renewed, killing all jobs")
        self._work.disown_all()
        self._registered = False

    def _patience(self) -> float:
        """Seconds to the next thing that has to be done without being woken."""
        is_busy = self._work or self._ended or self._in_doubt or self._liveness.fileno() < 0
        now, moments = time.monotonic(), [LOOK_SECONDS if is_busy else IDLE_LOOK_SECONDS]
        if self._stop_at is not None and self._stop_at > now:
            moments.append(self._stop_at - now)
        if self._in_doubt:  # of a store that failed, nothing is asked again at once
            return max(0.01, min(moments))
        if self._next_due_at is not None:
            moments.append(self._next_due_at - now)
        if self._waiting:
            moments.append(PATIENCE_SECONDS)
        moments += (self._roster.next_progress(), self._work.next_look())
        return max(0.01, min(moments))
