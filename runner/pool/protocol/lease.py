"""Until when jobs may run: a time that the pool sets, and that its keepers heed.

It lies in memory that they share, so that a keeper ends its job in time although the pool's
process is stopped, or waits for something that does not come. Imports nothing of ours.
"""

import math
import mmap
import os
import time


def steady_now() -> float:
    """Seconds by a clock that no one sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """A time in shared memory, by `steady_now`. A new lease has no end."""

    def __init__(self, descriptor: int | None = None):
        """`descriptor` is that of another process's lease, inherited."""
        self.descriptor = os.memfd_create("lease") if descriptor is None else descriptor
        if descriptor is None:
            os.truncate(self.descriptor, mmap.PAGESIZE)
        self._memory = mmap.mmap(self.descriptor, mmap.PAGESIZE)
        # One aligned double: written and read as a whole.
        self._ends_at = memoryview(self._memory).cast("d")
        if descriptor is None:
            self.end_at(math.inf)

    def end_at(self, moment: float) -> None:
        """Set when the lease ends."""
        self._ends_at[0] = moment

    def left(self) -> float:
        """Seconds until it ends, at least 0."""
        return max(0.0, self._ends_at[0] - steady_now())

    def close(self) -> None:
        """Free the memory and the descriptor."""
        self._ends_at.release()
        self._memory.close()
        os.close(self.descriptor)
