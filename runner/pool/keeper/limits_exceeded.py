"""Whether a call has taken more than it may, of what the kernel does not bound for one job alone.

The number of processes it bounds for a user (RLIMIT_NPROC) or a container, of which the job's
neighbours are as well; the size of a folder not at all. So the keeper looks, a few times a second,
which takes some microseconds for a job that has neither files nor children. Imports nothing of
ours but the pool's.
"""

import math
import os
import time
from collections.abc import Callable

from runner.pool.linux import proc
from runner.pool.linux.limits import JobLimits

_LOOK_SECONDS = 0.25
_SHARE = 0.1
"""Of a keeper's time that looks may take, however much there is to look at."""


class LimitWatchdog:
    """Looks at one call. Times are of the monotonic clock, in seconds."""

    def __init__(self, limits: JobLimits, used: Callable[[int], int]):
        """`used` tells the bytes in the folder; it need not count beyond what it is given."""
        self._limits, self._used = limits, used
        is_bounded = limits.folder_bytes is not None or limits.processes is not None
        self.next_at = time.monotonic() + _LOOK_SECONDS if is_bounded else math.inf
        """When it is to be looked for again."""

    def found(self) -> tuple[str, str] | None:
        """Type and message of the error, if it is too much; looked for if it is time."""
        now = time.monotonic()
        if now < self.next_at:
            return None
        found = self._too_many_processes() or self._too_large_a_folder()
        took = time.monotonic() - now
        self.next_at = now + max(_LOOK_SECONDS, took / _SHARE)
        return found

    def _too_many_processes(self) -> tuple[str, str] | None:
        most = self._limits.processes
        if most is None or proc.count_below(os.getpid(), most) <= most:
            return None
        text = f"the job had more processes and threads than JOB_PROCESSES={most} allows"
        return "ProcessesExceeded", text

    def _too_large_a_folder(self) -> tuple[str, str] | None:
        most = self._limits.folder_bytes
        if most is None or self._used(most) <= most:
            return None
        return "FolderExceeded", f"the job wrote more than JOB_FOLDER_BYTES={most} to its folder"
