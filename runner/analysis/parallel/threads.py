"""Numbered parts, done by this thread and others: for work that is done in C, outside of Python's
lock. Nothing is forked, and no result has to be sent.

Each begins the next part that nobody has begun. What fails in any of them is raised by `run_parts`,
which is not left before all have ended.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from runner.analysis.input import progress as seldom
from runner.analysis.input.progress import Far, ThrottledProgress
from runner.analysis.parallel.helper import Progress

T = TypeVar("T")


def run_parts(
    work: Callable[[int, Progress], T],
    parts: int,
    threads: int,
    progress: Callable[[int, Any], None],
    take: Callable[[int, T], None],
) -> None:
    """Do all parts in so many threads, of which this is one.

    `progress` gets the number of a part and how far it is; `take` gets its number and result, in
    the order of the parts. This thread calls both. Raises what `work` raises.
    """
    crew = _ThreadGroup(work, parts, progress, take)
    others = [_Other(crew.work) for _ in range(min(threads, parts) - 1)]
    try:
        for each in others:
            each.start()
        crew.work_along(others)
    finally:
        crew.stop()
        for each in others:
            each.end()


class _Stopped(Exception):
    """Nobody wants the rest."""


class _Other(threading.Thread):
    """Another thread, and what it has met. An executor's would take half a millisecond more."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        """Work."""
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        """Wait for its end, if it could be started."""
        if self.ident is not None:
            self.join()


class _ThreadGroup(Generic[T]):
    """What is to be done, what is done, and how far the rest is."""

    def __init__(
        self,
        work: Callable[[int, Progress], T],
        parts: int,
        progress: Callable[[int, Any], None],
        take: Callable[[int, T], None],
    ) -> None:
        self._work, self._progress, self._take = work, progress, take
        self._unbegun = deque(range(parts))
        self._results: dict[int, T] = {}
        self._far: dict[int, Any] = {}
        self._turn = 0
        self._stopped = False

    def work(self) -> None:
        """Do parts for as long as there are any."""
        for part in self._next_parts():
            self._do(part, lambda: None)

    def work_along(self, others: Sequence[_Other]) -> None:
        """The same, and hear the others, until all is done. Raises what any of them met."""
        for part in self._next_parts():
            self._do(part, lambda: self._hear(others))
        for each in others:
            while each.is_alive():
                each.join(seldom.SECONDS)
                self._hear(others)
        self._hear(others)

    def stop(self) -> None:
        """Have everyone end soon."""
        self._stopped = True

    def _next_parts(self) -> Iterator[int]:
        while True:
            try:
                part = self._unbegun.popleft()
            except IndexError:
                return
            yield part

    def _do(self, part: int, noted: Callable[[], None]) -> None:
        def note(far: Any) -> None:
            self._far[part] = far
            noted()

        tell = ThrottledProgress(note)

        def progress(far: Far) -> None:
            if self._stopped:
                raise _Stopped
            tell(far)

        self._results[part] = self._work(part, progress)

    def _hear(self, others: Sequence[_Other]) -> None:
        for each in others:
            if each.error:
                raise each.error
        while self._turn in self._results:
            self._take(self._turn, self._results.pop(self._turn))
            self._turn += 1
        while self._far:
            part, far = self._far.popitem()
            if part >= self._turn:  # or it was taken since
                self._progress(part, far)
