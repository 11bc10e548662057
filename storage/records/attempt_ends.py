"""How attempts ended, published once their transaction is committed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from storage.records.job import AttemptEnd, Fence, Job, Json, StoreInDoubt
from storage.records.states import Status


@dataclass(frozen=True)
class SettledAttempt:
    """How an attempt ended, and the status of its job since then.

    `at` is in milliseconds since 1970.
    """

    fence: Fence
    end: AttemptEnd
    status: Status
    at: int


@dataclass(frozen=True)
class SettledPart:
    """How a runner's try of a part of a job ended, and how many seconds it took.

    This is not the end of the job's attempt, and is used only for traces.
    """

    job: Job
    number: int
    runner: str
    outcome: str
    error: Json | None
    seconds: float


Settled = SettledAttempt | SettledPart


class SettledPublisher:
    """Counts the ends of attempts, and publishes those of traced jobs after the commit.

    `subscriber` is called with each, if it is set.
    """

    def __init__(self) -> None:
        self.count = 0
        self.subscriber: Callable[[Settled], None] | None = None
        self._recorded: list[Settled] = []

    def record(self, fence: Fence, end: AttemptEnd, status: Status, at: int) -> None:
        """Record the end of an attempt, inside a transaction."""
        self.count += 1
        if self.subscriber and fence.trace_origin:
            self._recorded.append(SettledAttempt(fence, end, status, at))

    def record_part(self, end: SettledPart) -> None:
        """Record the end of a part, inside a transaction."""
        if self.subscriber and end.job.traceparent:
            self._recorded.append(end)

    @contextmanager
    def publish_after_commit(self) -> Iterator[None]:
        """Publish the ends that are recorded in this block once it has left its transaction.

        They are published even if the commit is in doubt. If they are settled again, they are
        published again with the same ids.
        """
        self._recorded.clear()
        try:
            yield
        except StoreInDoubt:
            self._publish()
            raise
        self._publish()

    def _publish(self) -> None:
        recorded, self._recorded = self._recorded, []
        for each in recorded:
            assert self.subscriber
            self.subscriber(each)
