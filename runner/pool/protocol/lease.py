"""The time until which jobs may run, in memory that the pool shares with its keepers.

A keeper can enforce the lease even while the process of the pool is stopped or blocked.
"""

import math
import mmap
import os
import time


def steady_now() -> float:
    """Return the seconds of CLOCK_BOOTTIME: it is never set, and also runs during suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """A time in shared memory, on the clock of `steady_now`. A new lease does not end."""

    def __init__(self, descriptor: int | None = None):
        """Create a lease, or map an existing one by its inherited memfd `descriptor`."""
        self.descriptor = os.memfd_create("lease") if descriptor is None else descriptor
        if descriptor is None:
            os.truncate(self.descriptor, mmap.PAGESIZE)
        self._memory = mmap.mmap(self.descriptor, mmap.PAGESIZE)
        self._memory.madvise(mmap.MADV_DONTFORK)  # not for the job process of a keeper
        # One aligned double: it is written and read atomically.
        self._ends_at = memoryview(self._memory).cast("d")
        if descriptor is None:
            self.end_at(math.inf)

    def end_at(self, moment: float) -> None:
        """Set the time at which the lease ends."""
        self._ends_at[0] = moment

    def seconds_left(self) -> float:
        """Return the seconds until the lease ends, at least 0."""
        return max(0.0, self._ends_at[0] - steady_now())

    def close(self) -> None:
        """Free the memory and close the descriptor."""
        self._ends_at.release()
        self._memory.close()
        os.close(self.descriptor)
