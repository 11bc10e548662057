"""Resource limits of a job. Most of them are soft limits of the kernel (setrlimit).

The soft limits are set while the job runs and lifted while its process sends the answer. Processes
that the job starts inherit them; each limit applies to each process separately. The limits guard
against accidents: a job can lift them on purpose.
"""

import math
import resource
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class JobLimits:
    """The limits of a job; None means no limit."""

    memory_bytes: int | None = None
    """Private writable memory (RLIMIT_DATA). Shared memory does not count, nor does address space
    that is only reserved, as by RE2 and allocators; RLIMIT_AS would count both."""
    cpu_seconds: int | None = None
    """CPU time of all threads (RLIMIT_CPU). The kernel checks whole seconds, so a job may use up to
    one more."""
    open_files: int | None = None
    """Open file descriptors (RLIMIT_NOFILE), including the few of the job process itself."""
    file_bytes: int | None = None
    """Size of each file that the job writes (RLIMIT_FSIZE)."""
    folder_bytes: int | None = None
    """Total size of the job's folder. The keeper checks it periodically."""
    processes: int | None = None
    """Processes and threads, including the job process. The keeper checks it periodically."""
    nice: int = 0
    """The increment of the nice value, relative to the runner's."""

    def soft_limits(self, cpu_seconds_before: float) -> dict[int, int]:
        """Return the soft limits by RLIMIT_* number.

        `cpu_seconds_before` is the CPU time that the process has already used.
        """
        wanted = {
            resource.RLIMIT_DATA: self.memory_bytes,
            resource.RLIMIT_CPU: self.cpu_seconds
            and math.ceil(cpu_seconds_before) + self.cpu_seconds,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_FSIZE: self.file_bytes,
        }
        return {which: soft for which, soft in wanted.items() if soft is not None}


class SoftLimits:
    """A reusable context manager that sets the soft limits of this process and restores them."""

    def __init__(self, limits: JobLimits):
        self.limits = limits
        self._data = resource.getrlimit(resource.RLIMIT_DATA)
        others = (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)
        self._others = {which: resource.getrlimit(which) for which in others}

    def __enter__(self) -> None:
        for which, soft in self.limits.soft_limits(cpu_clock()).items():
            _set_soft(which, soft)

    def __exit__(self, *_: object) -> None:
        # RLIMIT_DATA first, with a tuple made earlier: no memory may be left to allocate.
        try:
            resource.setrlimit(resource.RLIMIT_DATA, self._data)
        except ValueError:  # the job has lowered the hard limit as well
            _set_soft(resource.RLIMIT_DATA, self._data[0])
        for which, before in self._others.items():
            if resource.getrlimit(which) != before:
                _set_soft(which, before[0])


def cpu_clock(pid: int = 0) -> float:
    """Return the CPU time of a process in seconds, by the clock that RLIMIT_CPU uses.

    0 means this process. Works for zombies, too.
    """
    return time.clock_gettime(~pid << 3)


def _set_soft(which: int, soft: int) -> None:
    """Set a soft limit, at most to the current hard limit, which the job may have lowered."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(which, (soft, hard))
