"""What the kernel tells of processes in /proc. Linux only; imports nothing of ours."""

import contextlib
import functools
import os
from collections.abc import Collection, Iterator

_READ_BYTES = 65536


def children_of(pid: int) -> list[int]:
    """The children of a process, ended ones that wait for their parent included."""
    if not kernel_tells_children():
        return children_by_scan(pid)
    children: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            children += map(int, read_if_there(f"/proc/{pid}/task/{thread}/children").split())
    return children


def children_by_scan(pid: int) -> list[int]:
    """The same from all of /proc, for kernels built without /proc/PID/task/TID/children."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _parent(name) == pid]


def descendants_of(pid: int, spare: Collection[int] = ()) -> Iterator[int]:
    """Every process below a process, but those to spare and what is below them."""
    for child in children_of(pid):
        if child not in spare:
            yield child
            yield from descendants_of(child)


def count_below(pid: int, enough: int) -> int:
    """How many processes and threads there are below a process; no more are looked for than one
    above `enough`."""
    count = 0
    for below in descendants_of(pid):
        with contextlib.suppress(OSError):
            count += os.stat(f"/proc/{below}/task").st_nlink - 2  # the folder, and its parent
        if count > enough:
            break
    return count


def memory_of(pid: int) -> tuple[int, int]:
    """Resident memory of a process in bytes: the greatest and the present; zeros if it is gone."""
    return memory_in(read_if_there(f"/proc/{pid}/status"))


def memory_in(status: str) -> tuple[int, int]:
    """The same by what /proc/PID/status says."""
    peak, present = (status.partition(f"\n{name}:")[2][:20].split() for name in ("VmHWM", "VmRSS"))
    return int(peak[0]) * 1024 if peak else 0, int(present[0]) * 1024 if present else 0


def signals_in(status: str) -> str:
    """Which signals are blocked, ignored and caught, by what /proc/PID/status says."""
    return status[status.find("\nSigBlk:") : status.find("\nCapInh:")]


def forget_peak_memory() -> None:
    """Count the greatest resident memory of this process anew, where the kernel permits it."""
    with contextlib.suppress(OSError):
        file = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, b"5")
        finally:
            os.close(file)


@functools.cache
def kernel_tells_children() -> bool:
    """Whether there is /proc/PID/task/TID/children."""
    return os.path.exists("/proc/thread-self/children")


def _parent(pid: str) -> int:
    # The name in parentheses may hold anything; the parent is the second field after it.
    fields = read_if_there(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def read_if_there(path: str) -> str:
    """What a small file of the kernel says; nothing if it is gone. Without the care that `open`
    takes: this is read a few times for each job."""
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
