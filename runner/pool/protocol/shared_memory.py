"""Memory that the runner shares with its keepers and its fork server.

A change of it wakes no process.
"""

import faulthandler
import math
import mmap
import os
import signal
import time
from typing import NamedTuple

STACKS_SIGNAL = signal.SIGUSR1
"""The runner answers it with the stacks of its threads, even while it hangs."""
_MAX_STACKS = 65536
_WORD_BYTES = 8
_PID_BITS = 22
"""The maximum on Linux (PID_MAX_LIMIT). The other 42 bits hold the number of the call."""


class _SharedWords:
    """Aligned words of 64 bits. Writing or reading a word is atomic."""

    def __init__(self, kind: str, count: int, descriptor: int | None):
        """Create words of a `kind` as in the module struct, or map existing ones by their inherited
        memfd. Raises OSError."""
        self.descriptor = os.memfd_create("words") if descriptor is None else descriptor
        if descriptor is None:
            os.truncate(self.descriptor, count * _WORD_BYTES)
        self._memory = mmap.mmap(self.descriptor, 0)
        self._memory.madvise(mmap.MADV_DONTFORK)  # not for job processes
        self.words = memoryview(self._memory).cast(kind)  # type: ignore[call-overload]

    def close(self) -> None:
        """Free the memory and close the descriptor."""
        self.words.release()
        self._memory.close()
        os.close(self.descriptor)


class BegunCall(NamedTuple):
    """The call that a keeper has begun last; by default, it has begun none."""

    number: int = 0
    """The number of the call, from 1 on."""
    pid: int = 0
    """The job process that runs it."""


class BegunCalls:
    """The calls that the keepers of a pool have begun last, one for each slot.

    A keeper gets its calls in the order of their numbers, and stores each number before its job
    process gets the call. For the pool, a call whose number is

        above the stored number ─▶ waits at its keeper
        the stored number       ─▶ has begun
        below it                ─▶ has ended, and its outcome is in the channel
    """

    def __init__(self, slots: int = 0, descriptor: int | None = None):
        """Create the memory for this many keepers, or map it by its descriptor."""
        self._shared = _SharedWords("Q", slots, descriptor)
        self.descriptor = self._shared.descriptor
        self._words: memoryview[int] | list[int] = self._shared.words

    def begin(self, slot: int, number: int, pid: int) -> None:
        """Store that the keeper of a slot begins a call in the job process `pid`."""
        self._words[slot] = number << _PID_BITS | pid

    def last(self, slot: int) -> BegunCall:
        """Return the call that the keeper of a slot has begun last."""
        word = self._words[slot]
        return BegunCall(word >> _PID_BITS, word & (1 << _PID_BITS) - 1)

    def close(self) -> None:
        """Free the memory. The last values can still be read."""
        self._words = self._shared.words.tolist()
        self._shared.close()


def steady_now() -> float:
    """Return the seconds of CLOCK_BOOTTIME: it is never set, and also runs during suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """The time until which jobs may run, on the clock of `steady_now`. A new lease does not end.

    A keeper can enforce it even while the process of the pool is stopped or blocked.
    """

    def __init__(self, descriptor: int | None = None):
        """Create a lease, or map an existing one by its inherited memfd."""
        self._shared = _SharedWords("d", 1, descriptor)
        self.descriptor, self.close = self._shared.descriptor, self._shared.close
        if descriptor is None:
            self.end_at(math.inf)

    def end_at(self, moment: float) -> None:
        """Set the time at which the lease ends."""
        self._shared.words[0] = moment

    def seconds_left(self) -> float:
        """Return the seconds until the lease ends, at least 0."""
        ends_at: float = self._shared.words[0]
        return max(0.0, ends_at - steady_now())


class LoopCounter:
    """Counts the iterations of the runner's loop, and holds the stacks of a runner that hangs."""

    def __init__(self, descriptors: tuple[int, int] | None = None):
        """Create a counter, or map an existing one by its inherited descriptors. Raises OSError."""
        count, stacks = descriptors or (None, os.memfd_create("stacks"))
        self._shared = _SharedWords("Q", 1, count)
        self.descriptors = self._shared.descriptor, stacks

    @property
    def value(self) -> int:
        """How many iterations have begun; 0 before the first."""
        return int(self._shared.words[0])

    def count(self) -> None:
        """Count an iteration."""
        self._shared.words[0] += 1

    def write_stacks_on_signal(self) -> None:
        """Let STACKS_SIGNAL write the stacks of all threads of this process.

        The handler is C code, so it also runs while other C code holds the interpreter's lock.
        """
        faulthandler.register(STACKS_SIGNAL, self.descriptors[1])

    def stacks(self) -> str:
        """Return the stacks that were written, "" if there are none."""
        return os.pread(self.descriptors[1], _MAX_STACKS, 0).decode(errors="replace")

    def close(self) -> None:
        """Free the memory, and close the descriptors."""
        faulthandler.unregister(STACKS_SIGNAL)
        self._shared.close()
        os.close(self.descriptors[1])
