"""Jobs in parts: the split jobs of this runner, and the parts that it runs for any runner.

The supervisor reads `is_active` first, and enters this code only if it is true, if an ended call
was a step or a part, or to look whether parts wait.
"""

from collections.abc import Collection, Sequence

from runner.supervisor.running_job import Capacity, Ended, KillReason, RunningJob
from runner.supervisor.running_jobs import RunningJobs, log_ended
from runner.supervisor.spans import AttemptSpans
from runner.supervisor.split_jobs import SplitJobs
from storage.claiming.part_claims import ClaimedPart, EndedPart, PartFence, PartWork
from storage.claims import Claims
from storage.records.job import Fence


class JobsInParts:
    """Claims, starts and kills parts, and advances split jobs.

    Methods that use the store raise StoreError.
    """

    def __init__(
        self,
        claims: Claims,
        running_jobs: RunningJobs,
        spans: AttemptSpans,
        slots: int,
        parts_bytes: int,
    ):
        """Jobs with files of `parts_bytes` or more are split if other runners can help; 0: none."""
        self._parts = claims.parts
        self._running_jobs = running_jobs
        self._spans = spans
        self._slots = slots
        self.split_jobs = SplitJobs(claims, running_jobs, parts_bytes)
        self._running: set[PartFence] = set()
        """The parts that were started here and are not settled yet."""
        self._waiting = 0
        """How many parts this runner could claim, when it looked last."""
        self.is_active = False
        """Whether there is a split job, or a part that waits or is held here."""

    def handle_ended(self, ended: Sequence[Ended]) -> list[Ended]:
        """Handle ended calls, see `SplitJobs.handle_ended`."""
        handled = self.split_jobs.handle_ended(ended)
        self._update_active()
        return handled

    def advance(self) -> list[Ended]:
        """Kill parts that are not needed any more, and do the next step of each split job.

        Returns the split jobs that have ended.
        """
        self._kill_unneeded()
        ended = self.split_jobs.advance()
        self._update_active()
        return ended

    def reserve_slots(self, capacity: Capacity) -> Capacity:
        """Look for parts that wait, and return the capacity for jobs that leaves slots for them.

        While both jobs and parts wait, each kind gets half of all slots.
        """
        free, prefetch = capacity
        self._waiting = self._parts.waiting(self._slots) if free else 0
        self._update_active()
        share = (self._slots + 1) // 2 - len(self._running_jobs.part_fences())
        reserved = min(self._waiting, max(0, share), free)
        return Capacity(free - reserved, 0 if reserved else prefetch)

    def work(
        self,
        ended: Sequence[Ended],
        due: Sequence[RunningJob],
        free_slots: int,
    ) -> PartWork | None:
        """Return what the claim transaction is to do with parts, None if nothing.

        `ended` are the parts that have ended, `due` the jobs and parts with progress to store.
        """
        ends = [
            EndedPart(running.part, outcome, running.progress)
            for running, outcome in ended
            if running.part
        ]
        progress = [
            (running.part, running.progress) for running in due if running.part and running.progress
        ]
        limit = free_slots if self._waiting else 0
        return PartWork(ends, progress, limit) if ends or progress or limit else None

    def settled(
        self,
        ended: Sequence[Ended],
        accepted: Sequence[bool],
        maybe_settled: Collection[Fence | PartFence],
    ) -> None:
        """Log and trace how parts ended, after the commit, and forget them.

        `accepted` says, for each part among the ended, whether the store has accepted its end.
        """
        ended = [each for each in ended if each[0].part]
        log_ended(ended, accepted, maybe_settled)
        for (running, outcome), is_accepted in zip(ended, accepted, strict=True):
            if running.part:
                self._running.discard(running.part)
                if is_accepted:
                    self._spans.send_part(running.job, running.part, outcome)
        self._update_active()

    def start(self, parts: Sequence[ClaimedPart]) -> None:
        """Start claimed parts."""
        for part in parts:
            self._running.add(part.fence)
            self._running_jobs.start_part(part)
        self._update_active()

    def resume(self, ended: Collection[PartFence | None]) -> None:
        """Start the parts that this runner holds in the store, but neither runs nor has ended."""
        for fence in self._parts.held():
            if fence not in self._running_jobs and fence not in ended:
                part = self._parts.reload(fence)
                if part:
                    self.start([part])

    def _kill_unneeded(self) -> None:
        """Kill parts whose job needs them no longer, and parts that this runner no longer holds."""
        running = self._running_jobs.part_fences()
        is_ending = self._parts.held() if running else {}
        for fence in running:
            if is_ending.get(fence, True):
                self._running_jobs.kill(fence, KillReason.CANCEL)

    def _update_active(self) -> None:
        self.is_active = bool(self._waiting or self._running or len(self.split_jobs))
