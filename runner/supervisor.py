"""The loop of a runner: collect, settle, cancel, upkeep, claim; then wait for the next event.

    store ──claim──▶ supervisor ──submit──▶ pool
      ▲                 │  ▲                  │
      └─────settle──────┘  └─────collect──────┘

All in one thread. A turn ends when something can have changed: a job ended, a wake-up came, a job
falls due, or a second has passed (a wake-up may be lost).
"""

import json
import logging
import select
import time
from typing import Any

from runner.pool import Outcome, Pool
from runner.settling import Kill, Running, Settler
from runner.upkeep import Upkeep
from storage.claims import Claims
from storage.job import Fence, Job, StoreError
from storage.liveness import Liveness
from storage.store import now_ms
from storage.uploads import Uploads
from storage.wakeup import Waiter

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
PROGRESS_SECONDS = 1.0
SETTLE_SECONDS = 5.0
"""How long a stop waits for a store that cannot be had, before it leaves its jobs to a rescue."""


class Supervisor:
    """Runs claimed jobs in a pool, for as long as it is not told to stop."""

    def __init__(
        self,
        pool: Pool,
        claims: Claims,
        liveness: Liveness,
        uploads: Uploads,
        waiter: Waiter,
        upkeep: Upkeep,
        drain_seconds: float,
    ):
        self._pool = pool
        self._claims = claims
        self._liveness = liveness
        self._uploads = uploads
        self._waiter = waiter
        self._upkeep = upkeep
        self._drain_seconds = drain_seconds
        self._settler = Settler(claims)
        self._running: dict[str, Running] = {}
        self._ended: list[tuple[Running, Outcome]] = []
        self._stop_at: float | None = None
        self._next_run_at: int | None = None
        self._in_doubt = False
        self._registered = False

    def drain(self) -> None:
        """Claim no more; asked a second time, wait no longer for jobs to end."""
        seconds = self._drain_seconds if self._stop_at is None else 0.0
        self._stop_at = time.monotonic() + seconds
        log.info("draining", extra={"running": len(self._running), "seconds": seconds})

    def done(self) -> bool:
        """Whether a drain is over: nothing runs, and all is settled (or cannot be)."""
        if self._stop_at is None or self._running:
            return False
        return not self._ended or time.monotonic() > self._stop_at + SETTLE_SECONDS

    def tick(self) -> None:
        """One turn. A store that fails leaves everything as it is, to be done in a later turn."""
        self._collect()
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
            self._kill_all(Kill.RELEASE)

    def wait(self, stop: Any) -> None:
        """Sleep until something may have changed; `stop` is a descriptor that ends it, too."""
        waiter = [self._waiter] if self._waiter.fileno() >= 0 else []
        select.select([*waiter, *self._pool.filenos(), stop], [], [], self._patience())
        self._waiter.drain()

    def _register(self) -> None:
        if not self._registered:
            self._claims.register(self._pool.size)
            self._registered = True
            extra = {"runner": self._liveness.name, "slots": self._pool.size}
            log.info("ready", extra=extra)

    def _collect(self) -> None:
        for token, text in self._pool.progress().items():
            if token in self._running:
                self._running[token].progress = text
        for token, outcome in self._pool.collect():
            running = self._running.pop(token)
            if running.kill is not Kill.DISOWN:
                self._ended.append((running, outcome))

    def _settle_and_claim(self) -> None:
        """One transaction for all that ended, for progress, and for the jobs to run next."""
        due = self._progress_due()
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
            running.progress, running.progress_stored_at = None, time.monotonic()
        for running, outcome, moved in settled:
            _log_settled(running, outcome, moved)
        for job in jobs:
            self._start(job)

    def _is_job_due(self) -> bool:
        self._next_run_at = None
        if self._free() > 0:
            self._next_run_at = self._claims.next_run_at()
        return self._next_run_at is not None and self._next_run_at <= now_ms()

    def _free(self) -> int:
        return self._pool.free if self._stop_at is None else 0

    def _start(self, job: Job) -> None:
        fence = Fence(job.id, self._liveness.name, job.attempt)
        running = Running(job, fence)
        upload = job.upload and {
            "path": str(self._uploads.path(job.upload)),
            "name": job.upload.name,
            "size": job.upload.size,
        }
        request = {
            "job_id": str(job.id),
            "attempt": job.attempt,
            "type": job.type,
            "payload": job.payload,
            "upload": upload,
        }
        self._running[_token(fence)] = running
        self._pool.submit(_token(fence), json.dumps(request), job.timeout)
        log.info("job started", extra=_names(fence))

    def _kill_canceled(self) -> None:
        if any(running.kill is None for running in self._running.values()):
            for fence in self._claims.to_cancel():
                self._kill(_token(fence), Kill.CANCEL)

    def _kill_all(self, reason: Kill) -> None:
        for token in list(self._running):
            self._kill(token, reason)

    def _kill(self, token: str, reason: Kill) -> None:
        running = self._running.get(token)
        if running and running.kill is None:
            running.kill = reason
            self._pool.kill(token)

    def _reconcile(self) -> None:
        """After a doubtful commit: run what the store says was claimed and is not known here."""
        if not self._in_doubt:
            return
        known = {*self._running, *(_token(running.fence) for running, _ in self._ended)}
        for job in self._claims.held():
            if _token(Fence(job.id, self._liveness.name, job.attempt)) not in known:
                self._start(job)
        self._in_doubt = False

    def _disown(self) -> None:
        """The lease ends: kill all jobs and drop what they did; register under a new name."""
        log.error("the lease could not be renewed, killing all jobs")
        for token, running in self._running.items():
            running.kill = Kill.DISOWN
            self._pool.kill(token)
        self._ended.clear()
        self._registered = False

    def _progress_due(self) -> list[Running]:
        latest = time.monotonic() - PROGRESS_SECONDS
        running = self._running.values()
        return [r for r in running if r.progress and r.progress_stored_at <= latest]

    def _patience(self) -> float:
        """Seconds to the next thing that has to be done without being woken."""
        now, moments = time.monotonic(), [LOOK_SECONDS]
        if self._next_run_at is not None:
            moments.append((self._next_run_at - now_ms()) / 1000)
        if self._stop_at is not None and self._stop_at > now:
            moments.append(self._stop_at - now)
        for running in self._running.values():
            if running.progress:
                moments.append(running.progress_stored_at + PROGRESS_SECONDS - now)
        return max(0.01, min(moments))


def _token(fence: Fence) -> str:
    return f"{fence.job_id}/{fence.attempt}"


def _names(fence: Fence) -> dict[str, Any]:
    return {"job_id": str(fence.job_id), "attempt": fence.attempt}


def _log_settled(running: Running, outcome: Outcome, moved: bool) -> None:
    extra = {**_names(running.fence), "outcome": outcome.kind, "seconds": outcome.seconds}
    if outcome.error_type:
        extra["error"] = f"{outcome.error_type}: {outcome.error_message}"
    log.info("job ended" if moved else "stale end of a job dropped", extra=extra)
