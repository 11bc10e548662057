"""Keeps the named semaphores of the executor from jobs, which could make the runner wait or crash.

A semaphore is memory that all its processes map and may write. A process can get it from the one
that forked it, or by opening its file.
"""

import contextlib
import ctypes
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_FOLDER = b" /dev/shm/sem."
_MADV_DONTFORK = 10


def mapped_semaphores() -> set[tuple[int, int]]:
    """Return the start and end of the memory of each named semaphore that this process has open."""
    ranges = (line.split(maxsplit=1)[0].split(b"-") for line in _lines())
    return {(int(start, 16), int(end, 16)) for start, end in ranges}


def semaphore_files() -> set[str]:
    """Return the files of the named semaphores that this process has open.

    They are found by inode: the memory map shows the name that a semaphore had while it was made.
    """
    inodes = {int(line.split(maxsplit=5)[4]) for line in _lines()}
    if not inodes:
        return set()
    with os.scandir("/dev/shm") as entries:
        return {entry.path for entry in entries if entry.inode() in inodes}


def replace_by_decoys(files: Iterable[str]) -> None:
    """Put an empty file in the place of each semaphore, so that no further process can open it.

    Its owner, multiprocessing, deletes the file when it no longer needs the semaphore.
    """
    for file in files:
        decoy = f"{file}-{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            os.close(os.open(decoy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            os.rename(decoy, file)


def keep_from_forks(semaphores: set[tuple[int, int]]) -> None:
    """Let forked processes not have these semaphores (MADV_DONTFORK). Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    for start, end in semaphores:
        size = ctypes.c_size_t(end - start)
        if libc.madvise(ctypes.c_void_p(start), size, _MADV_DONTFORK) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"madvise: {os.strerror(number)}")


def _lines() -> list[bytes]:
    """Return the lines of the memory map that describe semaphores."""
    lines = Path("/proc/self/maps").read_bytes().splitlines()
    return [line for line in lines if _FOLDER in line]
