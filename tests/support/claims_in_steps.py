"""`Claims` for tests that settle and claim jobs one by one, with outcomes of their own choice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from storage.claims import Claims, Unstored
from storage.db.models import JobRow
from storage.jobs.transitions import Settlement, loss
from storage.notify.wakeup import LISTENER, notifying_transaction
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence, Job
from storage.records.output import Piece
from storage.records.states import COMPLETE, CONFIRM_CANCEL, FAIL, RELEASE, RETRY

RAISED = AttemptOutcome("raised", error_type="ValueError", error_message="no")
RETURNED = AttemptOutcome("returned")
CANCELED = AttemptOutcome("canceled")
RELEASED = AttemptOutcome("released")


def completed(fence: Fence, result: str = "1", outcome: AttemptOutcome = RETURNED) -> Settlement:
    """The settlement of a job that succeeded."""
    return Settlement(COMPLETE, fence, outcome, {"result": result})


class ClaimsInSteps(Claims):
    """Claims with a method for each change, which may be called inside a transaction."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run several changes in one transaction."""
        self.traced.clear()
        with notifying_transaction(self._wakeup, self._database, LISTENER):
            yield

    def claim(self, limit: int, prefetch: int = 0) -> list[Job]:
        """Claim due jobs."""
        with self._database.transaction():
            return self._settle_and_claim((), (), limit, prefetch).jobs.jobs()

    def settle(self, *settlements: Settlement) -> list[bool]:
        """Settle attempts."""
        with self._database.transaction():
            return self._transitions.settle(settlements, self._clock())

    def store(self, unstored: Unstored) -> None:
        """Store progress and output."""
        with self._database.transaction():
            self._store(unstored)

    def progress(self, fence: Fence, progress: str) -> None:
        """Store the progress of a job, as JSON text."""
        self.store(Unstored(fence, progress, (), 0))

    def store_output(self, fence: Fence, pieces: Sequence[tuple[Any, ...]], max_bytes: int) -> None:
        """Store output of a job; a piece has a position, a text and perhaps marks."""
        self.store(Unstored(fence, None, [Piece(*each) for each in pieces], max_bytes))

    def complete(self, fence: Fence, result: str, outcome: AttemptOutcome = RETURNED) -> bool:
        """Record that a job succeeded."""
        return self.settle(completed(fence, result, outcome))[0]

    def complete_each(self, ends: Sequence[tuple[Fence, str, AttemptOutcome]]) -> list[bool]:
        """Record that several jobs succeeded."""
        return self.settle(*[completed(*end) for end in ends])

    def retry(self, fence: Fence, outcome: AttemptOutcome, delay_ms: int) -> bool:
        """Queue a job again after its first failure."""
        query = JobRow.select(JobRow.retry_count).where(JobRow.id == fence.job_id)
        with self._database.transaction():
            retries = self._database.rows(query)[0]["retry_count"] + 1
            retry = Settlement(RETRY, fence, outcome, {"retry_count": retries}, delay_ms)
            return self.settle(retry)[0]

    def lose(self, job: Job, outcome: AttemptOutcome, delay_ms: int) -> bool:
        """Record that a job lost its keeper."""
        counts = job.loss_count + 1, job.max_losses
        return self.settle(loss(job.fence, outcome, *counts, delay_ms))[0]

    def fail(self, fence: Fence, outcome: AttemptOutcome) -> bool:
        """Record that a job failed for good."""
        return self.settle(Settlement(FAIL, fence, outcome))[0]

    def release(self, fence: Fence, outcome: AttemptOutcome = RELEASED, delay_ms: int = 0) -> bool:
        """Give a job back."""
        return self.settle(Settlement(RELEASE, fence, outcome, {"progress": None}, delay_ms))[0]

    def confirm_cancel(self, fence: Fence, outcome: AttemptOutcome) -> bool:
        """Record that a job was killed."""
        return self.settle(Settlement(CONFIRM_CANCEL, fence, outcome))[0]
