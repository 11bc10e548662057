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

from runner.pool.pool import Pool
from runner.pool.protocol.answers import CallOutcome
from runner.pool.protocol.prefetch import MAX_WAIT_SECONDS
from runner.pool.protocol.shared_memory import steady_now
from runner.supervisor.maintenance import Maintenance
from runner.supervisor.running_jobs import Capacity, KillReason, RunningJob, RunningJobs
from runner.supervisor.settle import Settler, log_settled
from runner.supervisor.work import Workload
from storage.claiming.part_claims import ClaimedPart, PartFence
from storage.claiming.statements import ClaimCall, ClaimedJobs
from storage.claims import Claims
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import Waiter
from storage.records.job import Fence, StoreDamaged, StoreError, StoreFull, StoreInDoubt

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""The longest wait while jobs run, or while only a query can tell that another runner died."""
IDLE_POLL_SECONDS = 2.0
"""The longest wait while nothing runs, if the kernel reports the death of other runners."""
RECONCILE_SECONDS = 10.0
"""The longest time between two comparisons of the running jobs with the store."""
SETTLE_SECONDS = 5.0
"""After the drain, how long to wait for processes that do not end or a store that fails."""
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
        drain_seconds: float,
        parts_bytes: int = 0,
    ):
        """Jobs with files of `parts_bytes` or more are split if other runners can help; 0: none."""
        self._pool = pool
        self._running_jobs = running_jobs
        self._claims = claims
        self._liveness = liveness
        self._maintenance = maintenance
        self._drain_seconds = drain_seconds
        self._settler = Settler(claims)
        self._workload = Workload(claims, running_jobs, pool.size, parts_bytes)
        self._unsettled: list[tuple[RunningJob, CallOutcome]] = []
        """Ended jobs and parts that are not settled yet, with their outcomes."""
        self._maybe_settled: set[Fence | PartFence] = set()
        """Fences that the last commit may have settled: it is unknown whether it succeeded."""
        self._drain_until: float | None = None
        self._next_due_at: float | None = None
        self._registered = False
        self._must_reconcile = False
        self._has_prefetched = False
        self._reconcile_at = 0.0

    def drain(self) -> None:
        """Stop claiming, and let jobs run for `drain_seconds`; a second call releases them now."""
        seconds = self._drain_seconds if self._drain_until is None else 0.0
        self._drain_until = time.monotonic() + seconds
        log.info("draining", extra={"running": len(self._workload), "seconds": seconds})

    def is_drained(self) -> bool:
        """Whether a drain is over: everything is settled, or SETTLE_SECONDS have passed as well."""
        if self._drain_until is None:
            return False
        if not (self._workload or self._unsettled):
            return True
        return time.monotonic() > self._drain_until + SETTLE_SECONDS

    def settle_remaining(self) -> None:
        """Settle the jobs that ended when the pool was closed; if that fails, a rescue follows."""
        self._unsettled += self._workload.collect()
        try:
            self._settle_and_claim()
        except StoreError as error:
            log.warning(
                "cannot settle the last jobs, they will be rescued", extra={"reason": str(error)}
            )

    def tick(self) -> None:
        """Run one iteration. If the store fails, everything is kept for the next iteration."""
        self._pool.beat()
        self._unsettled += self._workload.collect()
        try:
            self._register()
            self._liveness.renew()  # first: no other failure may let the lease expire
            self._pool.lease.end_at(self._liveness.safe_until())  # before anything waits for locks
            self._reconcile()
            self._unsettled += self._workload.advance_split_jobs()
            self._workload.kill_canceled()  # before the commit waits for the disk
            self._settle_and_claim()
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
            self._workload.release_all()

    def wait(self, waiter: Waiter, stop: int) -> None:
        """Sleep until an iteration is due; the file descriptor `stop` ends the sleep as well."""
        poll = select.poll()  # select() is limited to descriptors below 1024; large pools have more
        descriptors = (waiter.fileno(), self._liveness.fileno(), stop, *self._pool.filenos())
        for descriptor in descriptors:
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        poll.poll(math.ceil(self._seconds_to_wait() * 1000))
        waiter.clear()
        self._maintenance.check_deaths()

    def _register(self) -> None:
        if not self._registered:
            self._claims.register(self._pool.size)
            self._registered = True
            log.info("ready", extra={"runner": self._liveness.name, "slots": self._pool.size})

    def _reconcile(self) -> None:
        """Start the jobs and parts that this runner holds in the store but does not run.

        An uncertain commit can leave such claims. So they are looked for after each failure of the
        store, and every RECONCILE_SECONDS, since a database server can complete a commit after the
        connection was lost.
        """
        if not self._must_reconcile and time.monotonic() < self._reconcile_at:
            return
        self._workload.resume([running for running, _ in self._unsettled])
        self._must_reconcile = False
        self._reconcile_at = time.monotonic() + RECONCILE_SECONDS

    def _settle_and_claim(self) -> None:
        """Settle ended attempts, store progress, and claim jobs and parts, in one transaction."""
        due, capacity = self._running_jobs.due_to_store(), self._capacity()
        if not (
            self._unsettled
            or due
            or self._update_next_due(capacity)
            or self._workload.has_waiting_parts(capacity)
        ):
            return

        def apply_changes(claim: ClaimCall) -> tuple[list[bool], ClaimedJobs, list[ClaimedPart]]:
            accepted = self._settler.settle_each(self._unsettled)
            for running in due:
                self._settler.store_progress(running)
            return accepted, *self._workload.claim(capacity, claim)

        def after_commit(result: tuple[list[bool], ClaimedJobs, list[ClaimedPart]]) -> None:
            _, jobs, parts = result
            for running in due:
                running.mark_stored()
            self._unsettled = []
            self._workload.start(jobs.jobs(), parts)

        ended = self._unsettled
        try:
            limits = self._workload.capacity_for_jobs(capacity)
            accepted, *_ = self._claims.settle_and_claim(
                apply_changes, *limits, before_wakeup=after_commit
            )
        except StoreInDoubt:
            self._maybe_settled = {running.held_fence for running, _ in ended}
            raise
        log_settled(ended, accepted, self._maybe_settled)
        self._maybe_settled.clear()
        self._update_next_due(self._capacity())

    def _update_next_due(self, capacity: Capacity) -> bool:
        """Note when the next job falls due; returns whether one can be claimed now."""
        seconds = self._claims.seconds_to_next() if any(capacity) else None
        self._next_due_at = None if seconds is None else time.monotonic() + seconds
        return seconds is not None and seconds <= 0

    def _capacity(self) -> Capacity:
        return self._running_jobs.capacity() if self._drain_until is None else NO_CAPACITY

    def _make_room_for_cancels(self) -> None:
        """Let canceled jobs be stored on a full disk; the outcomes of others wait for space."""
        if any(running.kill_reason == KillReason.CANCEL for running, _ in self._unsettled):
            self._claims.make_room()

    def _check_lease(self) -> None:
        """If the lease has ended, kill all jobs, and register under a new name next time.

        The keepers know the end of the lease, too, and act on it even while this process is
        stopped. Jobs that ended earlier are still settled; the store rejects those that another
        runner has rescued.
        """
        if self._registered and steady_now() >= self._liveness.safe_until():
            log.error("the lease could not be renewed, killing all jobs")
            self._workload.disown_all()
            self._registered = False

    def _seconds_to_wait(self) -> float:
        """Seconds until the next iteration is due even if no event arrives."""
        is_busy = (
            self._workload or self._unsettled or self._must_reconcile or self._liveness.fileno() < 0
        )
        now, waits = time.monotonic(), [POLL_SECONDS if is_busy else IDLE_POLL_SECONDS]
        if self._drain_until is not None and self._drain_until > now:
            waits.append(self._drain_until - now)
        if self._must_reconcile:  # the store has failed: do not use it again at once
            return max(0.01, min(waits))
        if self._next_due_at is not None:
            waits.append(self._next_due_at - now)
        if self._has_prefetched:
            waits.append(MAX_WAIT_SECONDS)
        waits.append(self._running_jobs.seconds_to_next_store())
        waits.append(self._workload.seconds_to_next_check())
        seconds = max(0.01, min(waits))
        return min(seconds, max(0.0, self._maintenance.seconds_to_continue()))
