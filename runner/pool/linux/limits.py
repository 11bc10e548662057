"""What one job may use; most of it by soft limits of the kernel. Imports nothing of ours.

Those are on while the job runs, off for its process's answer. Processes that the job starts inherit
them, each for itself. They guard against accidents: code that means to can lift them.
"""

import math
import resource
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class JobLimits:
    """The limits of a job; None for no limit."""

    memory_bytes: int | None = None
    """Private memory that can be written to (RLIMIT_DATA). What is only reserved, as RE2 and
    allocators do, does not count, as it would with RLIMIT_AS; nor does what is shared."""
    cpu_seconds: int | None = None
    """CPU time of all threads; the kernel looks at whole seconds, so it may be one more."""
    open_files: int | None = None
    """Descriptors, with the few that a job process has anyway."""
    file_bytes: int | None = None
    """Size of any file that it writes to (RLIMIT_FSIZE)."""
    folder_bytes: int | None = None
    """All that it has in its work folder; its keeper looks now and then."""
    processes: int | None = None
    """Processes and threads, its own included; looked at like the folder."""
    nice: int = 0
    """By how much its priority is below that of the runner."""

    def soft(self, cpu_before: float) -> dict[int, int]:
        """The soft limits of the kernel, for a process that has used so much CPU time before."""
        wanted = {
            resource.RLIMIT_DATA: self.memory_bytes,
            resource.RLIMIT_CPU: self.cpu_seconds and math.ceil(cpu_before) + self.cpu_seconds,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_FSIZE: self.file_bytes,
        }
        return {which: soft for which, soft in wanted.items() if soft is not None}


class Limited:
    """A block of code in which the limits are on, for this process. Can be entered again."""

    def __init__(self, limits: JobLimits):
        self.limits = limits
        self._data = resource.getrlimit(resource.RLIMIT_DATA)
        others = (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)
        self._others = {which: resource.getrlimit(which) for which in others}

    def __enter__(self) -> None:
        for which, soft in self.limits.soft(cpu_clock()).items():
            _set_soft(which, soft)

    def __exit__(self, *_: object) -> None:
        # First, and made before: there may be no memory left to make anything with.
        try:
            resource.setrlimit(resource.RLIMIT_DATA, self._data)
        except ValueError:  # the job has lowered the hard limit as well
            _set_soft(resource.RLIMIT_DATA, self._data[0])
        for which, before in self._others.items():
            if resource.getrlimit(which) != before:
                _set_soft(which, before[0])


def cpu_clock(pid: int = 0) -> float:
    """CPU time in seconds by the clock that RLIMIT_CPU goes by; 0: of this process.

    Of an ended process too, as long as nobody has waited for it.
    """
    return time.clock_gettime(~pid << 3)


def _set_soft(which: int, soft: int) -> None:
    """Set a soft limit as high as the hard one permits, which the job may have lowered."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(which, (soft, hard))
