"""Memory that the runner shares with its fork server, which watches whether the runner hangs."""

import faulthandler
import mmap
import os
import signal

STACKS_SIGNAL = signal.SIGUSR1
"""The runner answers it with the stacks of its threads, even while it hangs."""
_MAX_STACKS = 65536


class LoopCounter:
    """Counts the iterations of the runner's loop, and holds the stacks of a runner that hangs."""

    def __init__(self, descriptors: tuple[int, int] | None = None):
        """Create a counter, or map an existing one by its inherited descriptors. Raises OSError."""
        names = ("loop_counter", "stacks")
        self.descriptors = descriptors or (os.memfd_create(names[0]), os.memfd_create(names[1]))
        if descriptors is None:
            os.truncate(self.descriptors[0], mmap.PAGESIZE)
        self._memory = mmap.mmap(self.descriptors[0], mmap.PAGESIZE)
        # One aligned 64-bit word: it is written and read atomically.
        self._word = memoryview(self._memory).cast("Q")

    @property
    def value(self) -> int:
        """How many iterations have begun; 0 before the first."""
        return self._word[0]

    def count(self) -> None:
        """Count an iteration."""
        self._word[0] += 1

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
        self._word.release()
        self._memory.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
