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
from runner.supervisor.job_request import RUN
from runner.supervisor.maintenance import Maintenance
from runner.supervisor.parts import JobsInParts
from runner.supervisor.running_job import Capacity, Ended, KillReason, RunningJob
from runner.supervisor.running_jobs import (
    RunningJobs,
    is_disowned,
    log_end,
    log_ended,
    settlement,
)
from runner.supervisor.spans import AttemptSpans
from storage.claiming.part_claims import ClaimedPart, PartFence, PartWork
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
        parts_bytes: int = 0,
    ):
        """Jobs with files of `parts_bytes` or more are split if other runners can help; 0: none."""
        self._pool = pool
        self._running_jobs = running_jobs
        self._claims = claims
        self._liveness = liveness
        self._deaths_fd = liveness.fileno()
        self._maintenance = maintenance
        self._drain_seconds = drain_seconds
        self._spans = spans
        self._parts = JobsInParts(claims, running_jobs, spans, pool.size, parts_bytes)
        self._parts_may_wait = True
        self._look_for_parts_at = self._look_for_cancels_at = 0.0
        self._unsettled: list[Ended] = []
        """Ended jobs and parts that are not settled yet, with their outcomes."""
        self._maybe_settled: set[Fence | PartFence] = set()
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
        log.info("draining", extra={"running": self._running_count(), "seconds": seconds})
        return seconds + SETTLE_SECONDS

    def is_drained(self) -> bool:
        """Whether a drain is over: everything is settled, or SETTLE_SECONDS have passed as well."""
        if self._drain_until is None:
            return False
        is_settled = not (self._running_count() or self._unsettled)
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
            if self._parts.is_active:
                self._unsettled += self._parts.advance()
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
            self._parts.split_jobs.kill_all(KillReason.RELEASE)

    def wait(self, waiter: Waiter, stop: int) -> None:
        """Sleep until an iteration is due; the file descriptor `stop` ends the sleep as well."""
        seconds = self._seconds_to_wait()
        poll = select.poll()  # select() is limited to descriptors below 1024; large pools have more
        for descriptor in (waiter.fileno(), self._deaths_fd, stop, *self._running_jobs.filenos()):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        readable = [each for each, _ in poll.poll(math.ceil(seconds * 1000))]
        # A program that cancels a job or creates parts wakes all runners. The wake-up can be lost.
        self._is_woken = waiter.fileno() in readable
        if not readable or self._is_woken or waiter.fileno() < 0:
            self._parts_may_wait = True
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
        """Start the jobs and parts that this runner holds in the store but does not run.

        An uncertain commit can leave such claims. So they are looked for after each failure of the
        store, and every RECONCILE_SECONDS, since a database server can complete a commit after the
        connection was lost.
        """
        if not self._must_reconcile and time.monotonic() < self._reconcile_at:
            return
        ended = {running.held_fence for running, _ in self._unsettled}
        known = (self._running_jobs, self._parts.split_jobs, ended)
        held = self._claims.held()
        self._start([job for job in held if not any(job.fence in fences for fences in known)])
        self._parts.resume({running.part for running, _ in self._unsettled})
        self._must_reconcile = False
        self._reconcile_at = time.monotonic() + RECONCILE_SECONDS

    def _collect(self) -> None:
        """Take ended calls from the pool."""
        ended = self._running_jobs.collect()
        if any(running.step is not RUN for running, _ in ended):
            ended = self._parts.handle_ended(ended)
        for running, outcome in ended:
            if is_disowned(running, outcome):
                log_end(running, outcome, accepted=False)
            else:
                self._unsettled.append((running, outcome))

    def _kill_canceled(self) -> None:
        """Kill jobs that clients have canceled: after a wake-up, and every POLL_SECONDS.

        While there are such jobs, each iteration retries their kills.
        """
        is_due = time.monotonic() >= self._look_for_cancels_at
        if is_due and (self._running_jobs.any_alive() or self._parts.is_active):
            canceled = self._claims.to_cancel()
            for fence in canceled:
                self._running_jobs.kill(fence, KillReason.CANCEL)
                self._parts.split_jobs.kill(fence, KillReason.CANCEL)
            self._look_for_cancels_at = 0.0 if canceled else time.monotonic() + POLL_SECONDS

    def _settle_and_claim(self) -> None:
        """Settle ended attempts, store progress, and claim jobs and parts, in one transaction."""
        ended, due, part_work = self._unsettled, self._running_jobs.due_to_store(), None
        is_draining = self._drain_until is not None
        limits = capacity = NO_CAPACITY if is_draining else self._running_jobs.capacity()
        has_work = bool(ended or due) or self._is_job_due(capacity)
        if self._parts.is_active or self._must_look_for_parts(has_work, capacity):
            limits = self._parts.reserve_slots(capacity)
            part_work = self._parts.work(ended, due, capacity.free_slots)
        if not (has_work or part_work):
            return
        whole = [each for each in ended if not each[0].part]
        claimed, settlements = self._run_claim_transaction(whole, due, limits, part_work)
        for running in due:
            running.mark_stored()
        self._unsettled = []
        try:
            self._start(claimed.jobs.jobs(), claimed.parts)
        finally:
            self._claims.wake(claimed)
        log_ended(whole, claimed.accepted, self._maybe_settled, settlements)
        if not all(claimed.accepted):
            self._delete_unused(whole, claimed.accepted)
        if part_work:
            self._parts.settled(ended, claimed.accepted_parts, self._maybe_settled)
        self._spans.send(self._claims.traced)
        self._maybe_settled.clear()
        if self._is_woken and any(limits):
            self._wakes_bring_jobs = len(claimed.jobs) > 0
        is_unknown = len(claimed.jobs) or not any(limits)
        until_next = self._claims.seconds_until(claimed.next_run_at)
        self._note_next_due(RECHECK_SECONDS if is_unknown else until_next)

    def _delete_unused(self, ended: Sequence[Ended], accepted: Sequence[bool]) -> None:
        """Delete the files of attempts whose end was not accepted, unless an earlier commit with an
        unknown result has stored them."""
        stale = [each for each, is_ok in zip(ended, accepted, strict=True) if not is_ok]
        if files := [file for running, _ in stale for file in running.files]:
            self._running_jobs.delete_unused(files)

    def _must_look_for_parts(self, has_work: bool, capacity: Capacity) -> bool:
        """Whether to ask the store for parts that wait: after a wake-up, and every POLL_SECONDS.

        Iterations with jobs to settle or to claim do not ask, except once in POLL_SECONDS.
        """
        now = time.monotonic()
        if not self._parts_may_wait or (has_work and now < self._look_for_parts_at):
            return False
        self._parts_may_wait = not capacity.free_slots
        self._look_for_parts_at = now + POLL_SECONDS
        return True

    def _run_claim_transaction(
        self,
        whole: Sequence[Ended],
        due: Sequence[RunningJob],
        limits: Capacity,
        part_work: PartWork | None,
    ) -> tuple[Claimed, list[Settlement]]:
        unstored = [running.unstored(None) for running, _ in whole if running.output.pieces]
        unstored += [running.unstored(running.progress) for running in due if not running.part]
        settlements = [settlement(running, outcome) for running, outcome in whole]
        try:
            done = self._claims.settle_and_claim(settlements, unstored, *limits, part_work)
            return done, settlements
        except StoreInDoubt:
            self._maybe_settled = {running.held_fence for running, _ in self._unsettled}
            self._spans.send(self._claims.traced)
            raise

    def _start(self, jobs: Sequence[Job], parts: Sequence[ClaimedPart] = ()) -> None:
        """Start claimed jobs and parts. Jobs with a file may be split."""
        if parts:
            self._parts.start(parts)
        for job in jobs:
            if job.upload:
                self._parts.split_jobs.start(job)
            else:
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

    def _running_count(self) -> int:
        return len(self._running_jobs) + len(self._parts.split_jobs)

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
        if self.is_registered and steady_now() >= self._liveness.safe_until():
            log.error("the lease could not be renewed, killing all jobs")
            self._running_jobs.disown_all()
            self._parts.split_jobs.disown_all()
            self.is_registered = False

    def _seconds_to_wait(self) -> float:
        """Seconds until the next iteration is due even if no event arrives."""
        is_busy = len(self._running_jobs) or self._unsettled or self._parts.is_active
        is_busy = is_busy or self._parts_may_wait or self._deaths_fd < 0
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
        if self._parts.is_active:
            waits.append(self._parts.split_jobs.seconds_to_next_check())
        seconds = max(0.01, min(waits))
        return min(seconds, max(0.0, self._maintenance.seconds_to_continue()))
