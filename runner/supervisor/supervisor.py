"""The main loop of a runner: collect, settle, claim, cancel, maintain; then wait for an event.

    store ──claim──▶ supervisor ──start──▶ pool
      ▲                 │  ▲                 │
      └─────settle──────┘  └────collect──────┘

It runs in one thread. An iteration starts when a job has ended, a wake-up has arrived or a job
falls due, and at the latest after POLL_SECONDS or IDLE_POLL_SECONDS, since wake-ups can be lost.
"""

import logging
import math
import select
import time
from collections.abc import Sequence

from runner.pool.pool import Pool
from runner.pool.protocol.prefetch import MAX_WAIT_SECONDS
from runner.pool.protocol.shared_memory import steady_now
from runner.supervisor.maintenance import Maintenance
from runner.supervisor.running_job import Capacity, Ended, KillReason, RunningJob
from runner.supervisor.running_jobs import (
    RunningJobs,
    is_disowned,
    log_end,
    log_ended,
    settlement,
)
from runner.supervisor.spans import AttemptSpans
from storage.claims import Claimed, Claims
from storage.jobs.transitions import Settlement
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import Waiter
from storage.records.job import Fence, Job, StoreDamaged, StoreError, StoreFull, StoreInDoubt
from storage.records.release import RELEASE
from storage.telemetry.service_manager import start_level

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""The longest wait while jobs run, or while only a query can tell that another runner died."""
IDLE_POLL_SECONDS = 2.0
"""The longest wait while nothing runs, if the kernel reports the death of other runners."""
RECONCILE_SECONDS = 10.0
"""The longest time between two comparisons of the running jobs with the store."""
SETTLE_SECONDS = 5.0
"""After the drain, how long to wait for processes that do not end or a store that fails."""
RECHECK_SECONDS = 0.02
"""How long after a claim to look when the next job falls due. Most short jobs end before, and the
transaction that settles them tells."""
NO_CAPACITY = Capacity(0, 0)


class Supervisor:
    """Runs claimed jobs in a pool until it has drained."""

    def __init__(
        self,
        pool: Pool,
        running_jobs: RunningJobs,
        claims: Claims,
        liveness: Liveness,
        maintenance: Maintenance,
        spans: AttemptSpans,
        drain_seconds: float,
    ):
        self._pool = pool
        self._running_jobs = running_jobs
        self._claims = claims
        self._liveness = liveness
        self._deaths_fd = liveness.fileno()
        self._maintenance = maintenance
        self._drain_seconds = drain_seconds
        self._spans = spans
        self._look_for_cancels_at = 0.0
        self._unsettled: list[Ended] = []
        """Ended jobs that are not settled yet, with their outcomes."""
        self._maybe_settled: set[Fence] = set()
        """Fences that the last commit may have settled: it is unknown whether it succeeded."""
        self._drain_until: float | None = None
        self._next_due_at: float | None = None
        self.is_registered = False
        """Whether other programs know this runner. Only then it claims jobs."""
        self._must_reconcile = self._has_prefetched = False
        self._is_woken = False
        """Whether another program has ended the last wait."""
        self._wakes_bring_jobs = True
        """Whether this runner got a job when it claimed after the last wake-up."""
        self._reconcile_at = 0.0

    def drain(self) -> float:
        """Stop claiming, and let jobs run for `drain_seconds`; a second call releases them now.

        Returns the seconds until the drain is over at the latest.
        """
        seconds = self._drain_seconds if self._drain_until is None else 0.0
        self._drain_until = time.monotonic() + seconds
        log.info("draining", extra={"running": len(self._running_jobs), "seconds": seconds})
        return seconds + SETTLE_SECONDS

    def is_drained(self) -> bool:
        """Whether a drain is over: everything is settled, or SETTLE_SECONDS have passed as well."""
        if self._drain_until is None:
            return False
        is_settled = not (self._running_jobs or self._unsettled)
        return is_settled or time.monotonic() > self._drain_until + SETTLE_SECONDS

    def settle_remaining(self) -> None:
        """Settle the jobs that ended when the pool was closed; if that fails, a rescue follows."""
        self._collect()
        self._running_jobs.kill_all(KillReason.RELEASE)  # the files of some are being stored
        self._collect()
        try:
            self._settle_and_claim()
        except StoreError as error:
            log.warning(
                "cannot settle the last jobs, they will be rescued", extra={"reason": str(error)}
            )

    def tick(self) -> None:
        """Run one iteration. If the store fails, everything is kept for the next iteration."""
        self._pool.beat()
        self._collect()
        try:
            self._register()
            self._liveness.renew()  # first: no other failure may let the lease expire
            self._pool.lease.end_at(self._liveness.safe_until())  # before anything waits for locks
            self._reconcile()
            self._kill_canceled()  # before the commit waits for the disk
            self._settle_and_claim()
            if self._claims.has_ended:
                self._maintenance.check_ended()
            if self._claims.started_keys:
                self._maintenance.fill_places(self._claims.started_keys)
            self._claims.has_ended, self._claims.started_keys = False, set()  # acted on once
            self._maintenance.run()
        except StoreError as error:
            # The store may have committed nevertheless; the next iteration finds out.
            self._must_reconcile = True
            if isinstance(error, StoreFull):
                self._make_room_for_cancels()
            if not isinstance(error, StoreDamaged):  # the store itself logs damage, once
                log.warning("the store failed, trying again", extra={"reason": str(error)})
        self._check_lease()
        max_wait = MAX_WAIT_SECONDS if self._drain_until is None else 0.0
        self._has_prefetched = self._running_jobs.release_prefetched(max_wait)
        if self._drain_until is not None and time.monotonic() >= self._drain_until:
            self._running_jobs.kill_all(KillReason.RELEASE)

    def wait(self, waiter: Waiter, stop: int) -> None:
        """Sleep until an iteration is due; the file descriptor `stop` ends the sleep as well."""
        seconds = self._seconds_to_wait()
        poll = select.poll()  # select() is limited to descriptors below 1024; large pools have more
        for descriptor in (waiter.fileno(), self._deaths_fd, stop, *self._running_jobs.filenos()):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        readable = [each for each, _ in poll.poll(math.ceil(seconds * 1000))]
        # A program that cancels a job wakes all runners. The wake-up can be lost.
        self._is_woken = waiter.fileno() in readable
        if not readable or self._is_woken or waiter.fileno() < 0:
            self._look_for_cancels_at = 0.0
            self._maintenance.check_schedules()
            waiter.clear()
        if self._deaths_fd in readable:
            self._maintenance.check_deaths()

    def _register(self) -> None:
        if not self.is_registered:
            self._claims.register(self._pool.size)
            self.is_registered = True
            slots = self._pool.size
            extra = {"runner": self._liveness.name, "slots": slots, "version": RELEASE}
            log.log(start_level(), "ready", extra=extra)

    def _reconcile(self) -> None:
        """Start the jobs that this runner holds in the store but does not run.

        An uncertain commit can leave such claims. So they are looked for after each failure of the
        store, and every RECONCILE_SECONDS, since a database server can complete a commit after the
        connection was lost.
        """
        if not self._must_reconcile and time.monotonic() < self._reconcile_at:
            return
        ended = {running.fence for running, _ in self._unsettled}
        known = (self._running_jobs, ended)
        held = self._claims.held()
        self._start([job for job in held if not any(job.fence in fences for fences in known)])
        self._must_reconcile = False
        self._reconcile_at = time.monotonic() + RECONCILE_SECONDS

    def _collect(self) -> None:
        """Take ended calls from the pool."""
        for running, outcome in self._running_jobs.collect():
            if is_disowned(running, outcome):
                log_end(running, outcome, accepted=False)
            else:
                self._unsettled.append((running, outcome))

    def _kill_canceled(self) -> None:
        """Kill jobs that clients have canceled: after a wake-up, and every POLL_SECONDS.

        While there are such jobs, each iteration retries their kills.
        """
        is_due = time.monotonic() >= self._look_for_cancels_at
        if is_due and self._running_jobs.any_alive():
            canceled = self._claims.to_cancel()
            for fence in canceled:
                self._running_jobs.kill(fence, KillReason.CANCEL)
            self._look_for_cancels_at = 0.0 if canceled else time.monotonic() + POLL_SECONDS

    def _settle_and_claim(self) -> None:
        """Settle ended attempts, store progress, and claim jobs, in one transaction."""
        ended, due = self._unsettled, self._running_jobs.due_to_store()
        is_draining = self._drain_until is not None
        capacity = NO_CAPACITY if is_draining else self._running_jobs.capacity()
        if not (ended or due or self._is_job_due(capacity)):
            return
        claimed, settlements = self._run_claim_transaction(ended, due, capacity)
        for running in due:
            running.mark_stored()
        self._unsettled = []
        try:
            self._start(claimed.jobs.jobs())
        finally:
            self._claims.wake(claimed)
        log_ended(ended, claimed.accepted, self._maybe_settled, settlements)
        if not all(claimed.accepted):
            self._delete_unused(ended, claimed.accepted)
        self._spans.send(self._claims.traced)
        self._maybe_settled.clear()
        if self._is_woken and any(capacity):
            self._wakes_bring_jobs = len(claimed.jobs) > 0
        is_unknown = len(claimed.jobs) or not any(capacity)
        until_next = self._claims.seconds_until(claimed.next_run_at)
        self._note_next_due(RECHECK_SECONDS if is_unknown else until_next)

    def _delete_unused(self, ended: Sequence[Ended], accepted: Sequence[bool]) -> None:
        """Delete the files of attempts whose end was not accepted, unless an earlier commit with an
        unknown result has stored them."""
        stale = [each for each, is_ok in zip(ended, accepted, strict=True) if not is_ok]
        if files := [file for running, _ in stale for file in running.files]:
            self._running_jobs.delete_unused(files)

    def _run_claim_transaction(
        self, ended: Sequence[Ended], due: Sequence[RunningJob], capacity: Capacity
    ) -> tuple[Claimed, list[Settlement]]:
        unstored = [running.unstored(None) for running, _ in ended if running.output.pieces]
        unstored += [running.unstored(running.progress) for running in due]
        settlements = [settlement(running, outcome) for running, outcome in ended]
        try:
            return self._claims.settle_and_claim(settlements, unstored, *capacity), settlements
        except StoreInDoubt:
            self._maybe_settled = {running.fence for running, _ in self._unsettled}
            self._spans.send(self._claims.traced)
            raise

    def _start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._running_jobs.start(job)

    def _is_job_due(self, capacity: Capacity) -> bool:
        """Note when the next job falls due; returns whether one can be claimed now.

        After a wake-up, the claim itself finds out. But if other runners were faster last time,
        this one only reads, so that it does not keep them from writing.
        """
        if self._is_woken and self._wakes_bring_jobs and any(capacity):
            return True
        seconds = self._claims.seconds_to_next() if any(capacity) else None
        self._note_next_due(seconds)
        return seconds is not None and seconds <= 0

    def _note_next_due(self, seconds: float | None) -> None:
        self._next_due_at = None if seconds is None else time.monotonic() + seconds

    def _make_room_for_cancels(self) -> None:
        """Let canceled jobs be stored on a full disk; the outcomes of others wait for space."""
        if any(running.kill_reason == KillReason.CANCEL for running, _ in self._unsettled):
            self._claims.make_room()

    def _check_lease(self) -> None:
        """If the lease has ended, kill all jobs, and register under a new name next time.

        The keepers know the end of the lease, too, and act on it even while this process is
        stopped. Jobs that ended earlier are still settled; the store rejects jobs that another
        runner has rescued.
        """
        if self.is_registered and steady_now() >= self._liveness.safe_until():
            log.error("the lease could not be renewed, killing all jobs")
            self._running_jobs.disown_all()
            self.is_registered = False

    def _seconds_to_wait(self) -> float:
        """Seconds until the next iteration is due even if no event arrives."""
        is_busy = self._running_jobs or self._unsettled or self._deaths_fd < 0
        now = time.monotonic()
        waits = [POLL_SECONDS if is_busy or self._must_reconcile else IDLE_POLL_SECONDS]
        if self._drain_until is not None and self._drain_until > now:
            waits.append(self._drain_until - now)
        if self._must_reconcile:  # the store has failed: do not use it again at once
            return max(0.01, min(waits))
        if self._next_due_at is not None:
            waits.append(self._next_due_at - now)
        if self._has_prefetched:
            waits.append(MAX_WAIT_SECONDS)
        waits.append(self._running_jobs.seconds_to_next_store())
        seconds = max(0.01, min(waits))
        return min(seconds, max(0.0, self._maintenance.seconds_to_continue()))
