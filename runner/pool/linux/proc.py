"""Reads the state of processes from /proc. Linux only."""

import contextlib
import functools
import os
from collections.abc import Collection, Iterator

_READ_BYTES = 65536


def children_of(pid: int) -> list[int]:
    """Return the pids of the children of a process, including zombies."""
    if not has_children_file():
        return children_by_scan(pid)
    children: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            children += map(int, read_or_empty(f"/proc/{pid}/task/{thread}/children").split())
    return children


def children_by_scan(pid: int) -> list[int]:
    """Return the pids of the children of a process by reading all of /proc.

    For kernels built without /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN).
    """
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _parent(name) == pid]


def descendants_of(pid: int, exclude: Collection[int] = ()) -> Iterator[int]:
    """Yield the pids of all descendants of a process.

    Children in `exclude` are skipped, together with their own descendants.
    """
    for child in children_of(pid):
        if child not in exclude:
            yield child
            yield from descendants_of(child)


def count_descendants(pid: int, limit: int) -> int:
    """Count the processes and threads below a process. Counting stops once it exceeds `limit`."""
    count = 0
    for descendant in descendants_of(pid):
        with contextlib.suppress(OSError):
            # The links are ".", ".." and one folder for each thread.
            count += os.stat(f"/proc/{descendant}/task").st_nlink - 2
        if count > limit:
            break
    return count


def memory_of(pid: int) -> tuple[int, int]:
    """Return the peak and current resident memory of a process in bytes; zeros if it is gone."""
    return parse_memory(read_or_empty(f"/proc/{pid}/status"))


def parse_memory(status: str) -> tuple[int, int]:
    """Return the peak and current resident memory in bytes (VmHWM, VmRSS) from /proc/PID/status."""
    peak, current = (status.partition(f"\n{name}:")[2][:20].split() for name in ("VmHWM", "VmRSS"))
    return int(peak[0]) * 1024 if peak else 0, int(current[0]) * 1024 if current else 0


def parse_signal_masks(status: str) -> str:
    """Return the lines of /proc/PID/status with the masks of blocked, ignored, caught signals."""
    return status[status.find("\nSigBlk:") : status.find("\nCapInh:")]


def reset_peak_memory() -> None:
    """Reset VmHWM of this process to its current resident memory, if the kernel permits it."""
    with contextlib.suppress(OSError):
        file = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, b"5")
        finally:
            os.close(file)


@functools.cache
def has_children_file() -> bool:
    """Return whether this kernel has /proc/PID/task/TID/children."""
    return os.path.exists("/proc/thread-self/children")


def state_of(pid: int) -> str:
    """Return the state of a process as one letter, such as T for stopped; "" if it is gone."""
    return next(iter(_stat(pid)), "")


def _parent(pid: str) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _stat(pid: int | str) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; none if the process is gone."""
    # The name in parentheses can contain any character.
    return read_or_empty(f"/proc/{pid}/stat").rpartition(")")[2].split()


def read_or_empty(path: str) -> str:
    """Return the text of a small file in /proc, or "" if its process is gone.

    Reads without `open()`, which is slower: jobs cause a few of these reads each.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError):
        return ""
    try:
        return b"".join(iter(lambda: os.read(file, _READ_BYTES), b"")).decode(errors="replace")
    except ProcessLookupError:
        return ""
    finally:
        os.close(file)
