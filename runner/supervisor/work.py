"""Everything that a runner runs: whole jobs, split jobs, and parts of split jobs of any runner."""

from collections.abc import Collection, Sequence

from runner.pool.protocol.answers import CallOutcome
from runner.supervisor.running_jobs import Capacity, KillReason, RunningJob, RunningJobs
from runner.supervisor.split_jobs import SplitJobs
from storage.claiming.part_claims import ClaimedPart, PartFence, Parts
from storage.claiming.statements import ClaimCall, ClaimedJobs
from storage.claims import Claims
from storage.records.job import Job


class Workload:
    """Claims, starts, collects and kills jobs and parts.

    Methods raise StoreError, except `collect`, `release_all` and `disown_all`, which do not use the
    store.
    """

    def __init__(self, claims: Claims, running_jobs: RunningJobs, slots: int, parts_bytes: int):
        """Jobs with files of `parts_bytes` or more are split if other runners can help; 0: none."""
        self._claims = claims
        self._running_jobs = running_jobs
        self._split_jobs = SplitJobs(claims, running_jobs, parts_bytes)
        self._parts = PartClaimer(claims.parts, running_jobs, slots)

    def __len__(self) -> int:
        return len(self._running_jobs) + len(self._split_jobs)

    def collect(self) -> list[tuple[RunningJob, CallOutcome]]:
        """Return the jobs and parts that have ended and are to be settled, with their outcomes."""
        return self._split_jobs.handle_ended(self._running_jobs.collect())

    def advance_split_jobs(self) -> list[tuple[RunningJob, CallOutcome]]:
        """Do the next step of each split job; returns those that have ended, to be settled."""
        return self._split_jobs.advance()

    def seconds_to_next_check(self) -> float:
        """In how many seconds to advance split jobs if nothing wakes the runner before."""
        return self._split_jobs.seconds_to_next_check()

    def has_waiting_parts(self, capacity: Capacity) -> bool:
        """Whether there are parts that this runner could claim now."""
        return self._parts.find_waiting(capacity.free_slots)

    def capacity_for_jobs(self, capacity: Capacity) -> Capacity:
        """The capacity that is left for jobs once slots are reserved for waiting parts."""
        free, prefetch = capacity
        self._parts.find_waiting(free)
        reserved = self._parts.reserved_slots(free)
        return Capacity(free - reserved, 0 if reserved else prefetch)

    def claim(self, capacity: Capacity, claim: ClaimCall) -> tuple[ClaimedJobs, list[ClaimedPart]]:
        """Claim jobs by calling `claim`, then parts for the slots that are still free."""
        claimed = claim()
        return claimed, self._parts.claim(capacity.free_slots - len(claimed))

    def start(self, jobs: Sequence[Job], parts: Sequence[ClaimedPart] = ()) -> None:
        """Start claimed jobs and parts."""
        for part in parts:
            self._running_jobs.start_part(part)
        for job in jobs:
            self._split_jobs.start(job)

    def resume(self, ended: Sequence[RunningJob]) -> None:
        """Start the jobs and parts that this runner holds in the store but does not run.

        `ended` are jobs and parts that have ended and are not settled yet; they are not restarted.
        """
        ended_jobs = {running.fence for running in ended if not running.part}
        known = (self._running_jobs, self._split_jobs, ended_jobs)
        held = self._claims.held()
        self.start([job for job in held if not any(job.fence in fences for fences in known)])
        self._parts.resume({running.part for running in ended})

    def kill_canceled(self) -> None:
        """Kill jobs that clients have canceled, and parts that are no longer needed."""
        if self._running_jobs.any_alive() or len(self._split_jobs):
            for fence in self._claims.to_cancel():
                self._running_jobs.kill(fence, KillReason.CANCEL)
                self._split_jobs.kill(fence, KillReason.CANCEL)
        self._parts.kill_unneeded()

    def release_all(self) -> None:
        """Kill all jobs and parts, so that they are released to their queues."""
        self._running_jobs.kill_all(KillReason.RELEASE)
        self._split_jobs.kill_all(KillReason.RELEASE)

    def disown_all(self) -> None:
        """Kill all jobs and parts without settling them: other runners may hold them by now."""
        self._running_jobs.disown_all()
        self._split_jobs.disown_all()


class PartClaimer:
    """Claims parts for free slots, and kills unneeded parts.

    The jobs of the parts belong to this runner or to any other. Methods that use the store raise
    StoreError.
    """

    def __init__(self, parts: Parts, running_jobs: RunningJobs, slots: int):
        self._parts = parts
        self._running_jobs = running_jobs
        self._slots = slots
        self._waiting = 0

    def find_waiting(self, free_slots: int) -> bool:
        """Count the parts that this runner could claim now; returns whether there are any."""
        self._waiting = self._parts.waiting(self._slots) if free_slots else 0
        return self._waiting > 0

    def reserved_slots(self, free_slots: int) -> int:
        """How many of the free slots to keep for parts.

        While both jobs and parts wait, each kind gets half of all slots.
        """
        share = (self._slots + 1) // 2 - len(self._running_jobs.part_fences())
        return min(self._waiting, max(0, share), free_slots)

    def claim(self, limit: int) -> list[ClaimedPart]:
        """Claim up to `limit` parts, if `find_waiting` has found any."""
        return self._parts.claim(limit) if self._waiting else []

    def kill_unneeded(self) -> None:
        """Kill parts whose job needs them no longer, and parts that this runner no longer holds."""
        running = self._running_jobs.part_fences()
        is_ending = self._parts.held() if running else {}
        for fence in running:
            if is_ending.get(fence, True):
                self._running_jobs.kill(fence, KillReason.CANCEL)

    def resume(self, ended: Collection[PartFence | None]) -> None:
        """Start the parts that this runner holds in the store, but neither runs nor has ended."""
        for fence in self._parts.held():
            if fence not in self._running_jobs and fence not in ended:
                part = self._parts.reload(fence)
                if part:
                    self._running_jobs.start_part(part)
