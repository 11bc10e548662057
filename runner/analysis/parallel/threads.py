"""Scans numbered ranges in several threads, for work that runs in C without Python's GIL.

Threads need no fork, and send no results between processes. Each thread takes the next pending
range. `run_ranges` returns after all threads have ended, and raises the exception of any of them.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from runner.analysis.input import progress
from runner.analysis.input.progress import GetProgress, ReportProgress, ThrottledProgress

T = TypeVar("T")


def run_ranges(
    work: Callable[[int, ReportProgress], T],
    count: int,
    threads: int,
    on_progress: Callable[[int, Any], None],
    on_result: Callable[[int, T], None],
) -> None:
    """Call `work` for the ranges 0 to `count` - 1, in this thread and `threads` - 1 others.

    `on_progress` gets the number of a range and its progress. `on_result` gets the number of a
    range and its result, in the order of the ranges. Only this thread calls the two. Raises any
    exception that `work` raises.
    """
    group = _ThreadGroup(work, count, on_progress, on_result)
    helpers = [_HelperThread(group.run) for _ in range(min(threads, count) - 1)]
    try:
        for helper in helpers:
            helper.start()
        group.run_with(helpers)
    finally:
        group.stop()
        for helper in helpers:
            helper.join_if_started()


class _Stopped(Exception):
    """Ends the scan of a range whose result is not needed, since another thread failed."""


class _HelperThread(threading.Thread):
    """A thread that keeps its exception. An executor would take half a millisecond longer."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        """Call `work`, and keep its exception in `error`."""
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def join_if_started(self) -> None:
        """Wait for the thread to end; return at once if it could not be started."""
        if self.ident is not None:
            self.join()


class _ThreadGroup(Generic[T]):
    """The pending ranges, the results, and the progress of the ranges under way."""

    def __init__(
        self,
        work: Callable[[int, ReportProgress], T],
        count: int,
        on_progress: Callable[[int, Any], None],
        on_result: Callable[[int, T], None],
    ) -> None:
        self._work, self._on_progress, self._on_result = work, on_progress, on_result
        self._pending = deque(range(count))
        self._results: dict[int, T] = {}
        self._progress: dict[int, Any] = {}
        self._next_number = 0
        self._stopped = False

    def run(self) -> None:
        """Scan ranges until none is pending."""
        for number in self._next_numbers():
            self._scan(number, lambda: None)

    def run_with(self, helpers: Sequence[_HelperThread]) -> None:
        """Scan ranges and pass on results until all threads are done. Raises any thread's error."""
        for number in self._next_numbers():
            self._scan(number, lambda: self._pass_on(helpers))
        for helper in helpers:
            while helper.is_alive():
                helper.join(progress.REPORT_SECONDS)
                self._pass_on(helpers)
        self._pass_on(helpers)

    def stop(self) -> None:
        """Make all threads end at their next progress report."""
        self._stopped = True

    def _next_numbers(self) -> Iterator[int]:
        while True:
            try:
                number = self._pending.popleft()
            except IndexError:
                return
            yield number

    def _scan(self, number: int, after_progress: Callable[[], None]) -> None:
        def set_progress(content: Any) -> None:
            self._progress[number] = content
            after_progress()

        throttled = ThrottledProgress(set_progress)

        def report(get_progress: GetProgress) -> None:
            if self._stopped:
                raise _Stopped
            throttled(get_progress)

        self._results[number] = self._work(number, report)

    def _pass_on(self, helpers: Sequence[_HelperThread]) -> None:
        for helper in helpers:
            if helper.error:
                raise helper.error
        while self._next_number in self._results:
            self._on_result(self._next_number, self._results.pop(self._next_number))
            self._next_number += 1
        while self._progress:
            number, content = self._progress.popitem()
            if number >= self._next_number:  # else its result has been passed on
                self._on_progress(number, content)
