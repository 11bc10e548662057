"""The ends of attempts, told once the transaction that stores them is committed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from storage.records.job import AttemptEnd, Fence, Job, Json, StoreInDoubt
from storage.records.states import Status


@dataclass(frozen=True)
class SettledAttempt:
    """How an attempt ended, what its job is since, and when that was, in milliseconds since
    1970."""

    fence: Fence
    ended: AttemptEnd
    status: Status
    at: int


@dataclass(frozen=True)
class SettledPart:
    """How a runner's try of a part of a job ended, and how long it took. Not that of the attempt:
    this counts for nothing else."""

    job: Job
    number: int
    runner: str
    outcome: str
    error: Json | None
    seconds: float


Settled = SettledAttempt | SettledPart


class SettledObserver:
    """Counts those of attempts, and tells of all whose jobs are traced, if anybody is to hear."""

    def __init__(self) -> None:
        self.count = 0
        self.tell: Callable[[Settled], None] | None = None
        self._noted: list[Settled] = []

    def note(self, fence: Fence, ended: AttemptEnd, status: Status, at: int) -> None:
        """An attempt has ended, inside a transaction."""
        self.count += 1
        if self.tell and fence.trace_origin:
            self._noted.append(SettledAttempt(fence, ended, status, at))

    def note_part(self, end: SettledPart) -> None:
        """A part has ended, inside a transaction."""
        if self.tell and end.job.traceparent:
            self._noted.append(end)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Around a transaction. After one in doubt they are told as well: settled again, they are
        told with the same ids."""
        self._noted.clear()
        try:
            yield
        except StoreInDoubt:
            self._tell_all()
            raise
        self._tell_all()

    def _tell_all(self) -> None:
        noted, self._noted = self._noted, []
        for each in noted:
            assert self.tell
            self.tell(each)
