"""Which call each keeper runs, and in which process: marks that keepers set, and the pool reads.

They lie in memory that both share, so that the start of a call wakes nobody. A keeper gets its
calls in the order of their numbers, and marks each before its process has it. So to the pool

    a number above the marked one ─▶ the call waits in line
    the marked number             ─▶ it has been begun
    a number below it             ─▶ it is over, and its outcome in the channel

Imports nothing of ours.
"""

import contextlib
import mmap
import os
from collections.abc import Iterator
from typing import NamedTuple

_WORD_BYTES = 8
_PID_BITS = 22
"""Linux has no longer ids of processes. With the other bits, numbers do not end."""


class BegunCall(NamedTuple):
    """What a keeper has begun last; nothing yet, by default."""

    number: int = 0
    """That of the call, from 1 on."""
    pid: int = 0
    """The job process that it was begun in."""


@contextlib.contextmanager
def new_begun_calls(slots: int) -> Iterator["BegunCalls"]:
    """Marks of keepers that have begun nothing yet; freed at the end. Raises OSError."""
    descriptor = os.memfd_create("marks")
    try:
        os.truncate(descriptor, slots * _WORD_BYTES)
        with contextlib.closing(BegunCalls(descriptor)) as marks:
            yield marks
    finally:
        os.close(descriptor)


class BegunCalls:
    """One for each slot."""

    def __init__(self, descriptor: int):
        """`descriptor` is that of another process's marks, inherited. Raises OSError."""
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, 0)
        # One aligned word for each slot: written and read as a whole.
        self._shared = memoryview(self._memory).cast("Q")
        self._words: memoryview[int] | list[int] = self._shared

    def begin(self, slot: int, number: int, pid: int) -> None:
        """Say that a keeper begins with a call."""
        self._words[slot] = number << _PID_BITS | pid

    def begun(self, slot: int) -> BegunCall:
        """What the keeper of a slot has begun last."""
        word = self._words[slot]
        return BegunCall(word >> _PID_BITS, word & (1 << _PID_BITS) - 1)

    def close(self) -> None:
        """Free the memory. What was marked last can still be read."""
        self._words = self._shared.tolist()
        self._shared.release()
        self._memory.close()
