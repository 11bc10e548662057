"""Keeps named semaphores from the processes that a process forks.

A semaphore is memory that all its processes map and may write. The executor's would let a job make
the runner wait forever.
"""

import ctypes
import os
from pathlib import Path

_MADV_DONTFORK = 10


def mapped_semaphores() -> set[tuple[int, int]]:
    """Return the start and end of the memory of each named semaphore that this process has open."""
    lines = Path("/proc/self/maps").read_bytes().splitlines()
    ranges = (line.split(maxsplit=1)[0].split(b"-") for line in lines if b" /dev/shm/sem." in line)
    return {(int(start, 16), int(end, 16)) for start, end in ranges}


def keep_from_forks(semaphores: set[tuple[int, int]]) -> None:
    """Let forked processes not have these semaphores (MADV_DONTFORK). Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    for start, end in semaphores:
        size = ctypes.c_size_t(end - start)
        if libc.madvise(ctypes.c_void_p(start), size, _MADV_DONTFORK) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"madvise: {os.strerror(number)}")
