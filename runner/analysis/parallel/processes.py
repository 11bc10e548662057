"""Scans numbered ranges in this process and in helper processes that it forks.

Each process takes the next pending range by itself. Between its own windows, this process reads the
messages of its helpers. If a helper fails or dies, the whole
scan fails with HelperError. `run_ranges` kills and reaps all helpers before it returns.
"""

import os
import select
from collections.abc import Callable, Iterator
from typing import Any

from runner.analysis.input.progress import GetProgress, ThrottledProgress
from runner.analysis.parallel.helper_process import Helper, Work

MAX_HELD_BYTES = 4 << 20
"""Memory for results that arrive before those of earlier ranges. If it is full, helpers keep their
results and wait."""

OnResult = Callable[[int, bytes], None]
OnProgress = Callable[[int, Any], None]


def run_ranges(
    work: Work, count: int, processes: int, on_progress: OnProgress, on_result: OnResult
) -> None:
    """Call `work` for the ranges 0 to `count` - 1, in this process and `processes` - 1 helpers.

    `on_progress` gets the number of a range and its progress. `on_result` gets the number of a
    range and its result, in the order of the ranges and as early as that allows. Raises
    HelperError, and any exception that `work` raises in this process.
    """
    pending, helpers = _PendingNumbers(count), _HelperGroup(on_progress, _OrderedResults(on_result))
    try:
        for _ in range(min(processes, count) - 1):
            helpers.add(Helper(work, pending))
        for number in pending:
            helpers.run(number, work)
        while helpers.results.next_number < count:
            helpers.receive()
    finally:
        helpers.kill_all()
        pending.close()


class _PendingNumbers:
    """Numbers of pending ranges. Several processes iterate over it, and each number comes once."""

    def __init__(self, count: int) -> None:
        self._count = count
        # The file stays empty. All processes share its position, which is the next number.
        self._file = os.memfd_create("pending_ranges")

    def __iter__(self) -> Iterator[int]:
        # The kernel serializes changes of the position.
        while (number := os.lseek(self._file, 1, os.SEEK_CUR) - 1) < self._count:
            yield number

    def close(self) -> None:
        os.close(self._file)


class _HelperGroup:
    """The helpers of this process, and the results of all."""

    def __init__(self, on_progress: OnProgress, results: "_OrderedResults") -> None:
        self.results = results
        self._on_progress = on_progress
        self._helpers: dict[int, Helper] = {}  # by the descriptor of the pipe
        self._messages = select.poll()

    def add(self, helper: Helper) -> None:
        self._helpers[helper.fileno()] = helper
        self._messages.register(helper, select.POLLIN)

    def run(self, number: int, work: Work) -> None:
        """Scan a range in this process, and read the helpers' messages at each progress report."""
        throttled = ThrottledProgress(lambda content: self._on_progress(number, content))

        def report(get_progress: GetProgress) -> None:
            throttled(get_progress)
            self.receive(0)

        self.results.put(number, work(number, report))
        self._take_results()
        while self.results.is_full:
            self.receive()

    def receive(self, timeout: float | None = None) -> None:
        """Wait up to `timeout` ms for messages (None: forever), and take results that fit."""
        for pipe, _ in self._messages.poll(timeout):
            helper = self._helpers[pipe]
            for number, content in helper.receive():
                self._on_progress(number, content)
            if helper.done or helper.ended:
                self._messages.unregister(pipe)
            if helper.done:
                self._take_results()

    def _take_results(self) -> None:
        while any(map(self._take_result, self._helpers.values())):
            pass  # a taken result can make room for the next

    def _take_result(self, helper: Helper) -> bool:
        if not helper.done or not self.results.has_room(helper.number, helper.result_bytes):
            return False
        self.results.put(helper.number, helper.result())
        self._messages.register(helper, select.POLLIN)
        return True

    def kill_all(self) -> None:
        """Kill all helpers before waiting for any, so that they free their memory in parallel."""
        for helper in self._helpers.values():
            helper.kill()
        for helper in self._helpers.values():
            helper.wait()


class _OrderedResults:
    """Passes results on in the order of the ranges, and holds a few that arrive early."""

    def __init__(self, on_result: OnResult) -> None:
        self.next_number = 0
        self._on_result = on_result
        self._held: dict[int, bytes] = {}
        self._held_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether this process must wait for an earlier range before it scans another one."""
        return self._held_bytes > MAX_HELD_BYTES

    def has_room(self, number: int, size: int) -> bool:
        """Whether a helper's result of `size` bytes is next in order, or can be held."""
        return number == self.next_number or self._held_bytes + size <= MAX_HELD_BYTES

    def put(self, number: int, result: bytes) -> None:
        """Hold a result, and pass on every held result that is next in order."""
        self._held[number] = result
        self._held_bytes += len(result)
        while self.next_number in self._held:
            result = self._held.pop(self.next_number)
            self._held_bytes -= len(result)
            self._on_result(self.next_number, result)
            self.next_number += 1
