"""Shared memory with the call that each keeper has begun last, and its job process.

Keepers write it and the pool reads it, so that the start of a call wakes no process. A keeper gets
its calls in the order of their numbers, and stores each number before its job process gets the
call. For the pool, a call whose number is

    above the stored number ─▶ waits at its keeper
    the stored number       ─▶ has begun
    below it                ─▶ has ended, and its outcome is in the channel
"""

import contextlib
import mmap
import os
from collections.abc import Iterator
from typing import NamedTuple

_WORD_BYTES = 8
_PID_BITS = 22
"""The maximum on Linux (PID_MAX_LIMIT). The other 42 bits hold the number of the call."""


class BegunCall(NamedTuple):
    """The call that a keeper has begun last; by default, it has begun none."""

    number: int = 0
    """The number of the call, from 1 on."""
    pid: int = 0
    """The job process that runs it."""


@contextlib.contextmanager
def new_begun_calls(slots: int) -> Iterator["BegunCalls"]:
    """Create the shared memory for this many keepers, and free it at the end. Raises OSError."""
    descriptor = os.memfd_create("begun_calls")
    try:
        os.truncate(descriptor, slots * _WORD_BYTES)
        with contextlib.closing(BegunCalls(descriptor)) as begun_calls:
            yield begun_calls
    finally:
        os.close(descriptor)


class BegunCalls:
    """The calls that the keepers of a pool have begun last, one for each slot."""

    def __init__(self, descriptor: int):
        """Map the memory of the memfd `descriptor`, which may be inherited. Raises OSError."""
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, 0)
        self._memory.madvise(mmap.MADV_DONTFORK)  # not for the job process of a keeper
        # One aligned 64-bit word for each slot: it is written and read atomically.
        self._shared = memoryview(self._memory).cast("Q")
        self._words: memoryview[int] | list[int] = self._shared

    def begin(self, slot: int, number: int, pid: int) -> None:
        """Store that the keeper of a slot begins a call in the job process `pid`."""
        self._words[slot] = number << _PID_BITS | pid

    def last(self, slot: int) -> BegunCall:
        """Return the call that the keeper of a slot has begun last."""
        word = self._words[slot]
        return BegunCall(word >> _PID_BITS, word & (1 << _PID_BITS) - 1)

    def close(self) -> None:
        """Free the memory. The last values can still be read."""
        self._words = self._shared.tolist()
        self._shared.release()
        self._memory.close()
