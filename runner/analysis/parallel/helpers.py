"""Numbered parts, done by this process and by helper processes below it.

Each begins the next part that nobody has begun, without asking anybody. This process hears its
helpers in between; a helper that fails or dies is a HelperError for the whole. All are killed and
waited for before `run_parts` is left.
"""

import os
import select
from collections.abc import Callable, Iterator
from typing import Any

from runner.analysis.input.progress import Far, ThrottledProgress
from runner.analysis.parallel.helper import Helper, Work

HELD_BYTES = 4 << 20
"""Results that came before their turn have no more memory; helpers keep theirs, and wait."""

Take = Callable[[int, bytes], None]
Heard = Callable[[int, Any], None]


def run_parts(work: Work, parts: int, processes: int, progress: Heard, take: Take) -> None:
    """Do all parts in so many processes, of which this is one.

    `progress` gets the number of a part and how far it is; `take` gets its number and result, in
    the order of the parts, as soon as it is its turn. Raises HelperError, and what `work` raises.
    """
    unbegun, crew = _PendingRange(parts), _HelperGroup(progress, _InOrder(take))
    try:
        for _ in range(min(processes, parts) - 1):
            crew.add(Helper(work, unbegun))
        for part in unbegun:
            crew.work_along(part, work)
        while crew.results.turn < parts:
            crew.hear()
    finally:
        crew.end()
        unbegun.close()


class _PendingRange:
    """The parts that nobody has begun: iterated over in several processes, each comes once."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._file = os.memfd_create("parts")  # empty: its position, which all share, is the number

    def __iter__(self) -> Iterator[int]:
        # The kernel moves the position for one process after the other.
        while (part := os.lseek(self._file, 1, os.SEEK_CUR) - 1) < self._parts:
            yield part

    def close(self) -> None:
        os.close(self._file)


class _HelperGroup:
    """The helpers, and what they have done."""

    def __init__(self, progress: Heard, results: "_InOrder") -> None:
        self.results = results
        self._progress = progress
        self._helpers: dict[int, Helper] = {}  # by their pipes
        self._messages = select.poll()

    def add(self, helper: Helper) -> None:
        self._helpers[helper.fileno()] = helper
        self._messages.register(helper, select.POLLIN)

    def work_along(self, part: int, work: Work) -> None:
        """Do a part in this process; hear the helpers whenever it tells its progress."""
        seldom = ThrottledProgress(lambda far: self._progress(part, far))

        def progress(far: Far) -> None:
            seldom(far)
            self.hear(0)

        self.results.put(part, work(part, progress))
        self._receive()
        while self.results.full:
            self.hear()

    def hear(self, timeout: float | None = None) -> None:
        """Wait for messages, and receive results that there is room for."""
        for pipe, _ in self._messages.poll(timeout):
            helper = self._helpers[pipe]
            for part, content in helper.hear():
                self._progress(part, content)
            if helper.done or helper.ended:
                self._messages.unregister(pipe)
            if helper.done:
                self._receive()

    def _receive(self) -> None:
        while any(map(self._receive_of, self._helpers.values())):
            pass  # what was taken has made room for others

    def _receive_of(self, helper: Helper) -> bool:
        if not helper.done or not self.results.has_room(helper.part, helper.result_bytes):
            return False
        self.results.put(helper.part, helper.result())
        self._messages.register(helper, select.POLLIN)
        return True

    def end(self) -> None:
        """Kill all, and only then wait: they free their memory at the same time."""
        for helper in self._helpers.values():
            helper.kill()
        for helper in self._helpers.values():
            helper.wait()


class _InOrder:
    """Takes results in the order of the parts, and holds some that come too early."""

    def __init__(self, take: Take) -> None:
        self.turn = 0
        self._take = take
        self._held: dict[int, bytes] = {}
        self._held_bytes = 0

    @property
    def full(self) -> bool:
        """Whether no more results should be made here before it is the turn of one."""
        return self._held_bytes > HELD_BYTES

    def has_room(self, part: int, size: int) -> bool:
        """Whether the result of a helper can be held, or taken at once."""
        return part == self.turn or self._held_bytes + size <= HELD_BYTES

    def put(self, part: int, result: bytes) -> None:
        """Take a result, or hold it until it is its turn."""
        self._held[part] = result
        self._held_bytes += len(result)
        while self.turn in self._held:
            result = self._held.pop(self.turn)
            self._held_bytes -= len(result)
            self._take(self.turn, result)
            self.turn += 1
