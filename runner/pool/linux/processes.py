"""Controls processes by prctl(2), signals and waitid(2), reads their state from /proc, and kills
whole trees of them. Linux only.
"""

import contextlib
import ctypes
import functools
import os
import resource
import signal
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PR_SET_NO_NEW_PRIVS = 38
_OOM_SCORE_INCREASE = 500
_READ_BYTES = 65536


def die_with_parent(parent: int, signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent dies (PR_SET_PDEATHSIG).

    Exits at once if `parent` is no longer the parent. The kernel sends the signal when the *thread*
    that forked this process ends, so only the main thread of the parent may fork it.
    """
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number))
    if os.getppid() != parent:
        os._exit(1)


def set_subreaper(enabled: bool = True) -> bool:
    """Let this process adopt its orphaned descendants, or not; returns the previous setting."""
    before = ctypes.c_int()
    _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before))
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(enabled))
    return bool(before.value)


def forbid_inspection(forbidden: bool = True) -> None:
    """Prevent other processes of this user from reading the environment, memory and files of this
    process (PR_SET_DUMPABLE off), or allow it again.

    It also disables core dumps. Programs that this process starts are not protected.
    """
    _prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(not forbidden))


def set_process_name(name: str) -> None:
    """Set the name that ps and top show, up to 15 bytes. Forked processes inherit it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def set_no_new_privileges() -> None:
    """Prevent programs that this process starts from gaining privileges (PR_SET_NO_NEW_PRIVS)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))


def error_in_child(try_out: Callable[[], None]) -> str | None:
    """Try something out in a forked process, which ends then; returns its OSError, None if none.

    It must use nothing that another thread of this process could hold locked.
    """
    read, write = os.pipe()
    with warnings.catch_warnings(), open(read, "rb") as file:
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        pid = os.fork()
        if pid == 0:
            reason = "it ended"
            try:
                forbid_inspection(False)  # else root owns its files in /proc
                try_out()
                reason = ""
            except OSError as error:
                reason = error.strerror or str(error)
            finally:
                os.write(write, reason.encode())
                os._exit(0)
        os.close(write)
        reason = file.read().decode()
    os.waitpid(pid, 0)
    return reason or None


def send_signal(pid: int, signal_number: int, group: bool = False) -> None:
    """Send a signal to a process or to its process group. Does nothing if it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(pid, signal_number)
        else:
            os.kill(pid, signal_number)


def exit_code(pid: int) -> int | None:
    """Return the exit code of a child, or minus the signal that killed it; None while it lives.

    The child stays a zombie, so that it can still be waited for (WNOWAIT).
    """
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def is_stopped(pid: int) -> bool:
    """Return whether a signal has stopped a child. Does not consume the state (WNOWAIT)."""
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    return False


def describe_exit(code: int) -> str:
    """Describe an exit code as returned by `exit_code`, for example "was killed by SIGKILL"."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the children that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def cpu_clock(pid: int = 0) -> float:
    """Return the CPU time of a process in seconds, by the clock that RLIMIT_CPU uses.

    0 means this process. Works for zombies, too.
    """
    return time.clock_gettime(~pid << 3)


def raise_oom_score() -> None:
    """Make the OOM killer prefer this process to others."""
    with contextlib.suppress(OSError):
        score = int(Path("/proc/self/oom_score_adj").read_text())
        Path("/proc/self/oom_score_adj").write_text(str(min(1000, score + _OOM_SCORE_INCREASE)))


def close_descriptors_except(keep_fds: Iterable[int]) -> None:
    """Close all file descriptors of this process except `keep_fds` and the standard streams."""
    kept = {0, 1, 2, *keep_fds}
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
        if descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _prctl(option: int, argument: object) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


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


_REAP_SECONDS = 0.001
"""How long to wait before looking again for killed children that have ended."""


class ProcessUsage(NamedTuple):
    """CPU seconds that some processes used together, and the largest peak of resident memory."""

    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


def kill_descendants(exclude: Collection[int] = ()) -> ProcessUsage:
    """Kill all descendants of this process, wait until none is left, and return their usage.

    Children in `exclude` are left alone. This process must be a subreaper.
    Each round kills every descendant that it finds and reaps the children that have ended, in any
    order: the first process of a PID namespace ends only after all others in it were reaped. The
    kernel makes orphans children of this process, so that the next round finds them.
    """
    usage = ProcessUsage()
    while children := [child for child in children_of(os.getpid()) if child not in exclude]:
        kill_below(os.getpid(), exclude)
        ended = [each for pid in children if (each := _reap(pid)) is not None]
        for each in ended:
            usage = _sum(usage, each)
        if not ended:
            time.sleep(_REAP_SECONDS)
    return usage


def kill_below(pid: int, exclude: Collection[int] = ()) -> None:
    """Send SIGKILL to all descendants of a process, apart from children in `exclude`.

    Killing only the children of a keeper would also work, but a fork bomb could grow faster.
    """
    for descendant in list(descendants_of(pid, exclude)):
        send_signal(descendant, signal.SIGKILL)


def _reap(pid: int) -> ProcessUsage | None:
    """Return the usage of a child that has ended; None if it has not."""
    try:
        ended, _, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return ProcessUsage()
    if not ended:
        return None
    return ProcessUsage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _sum(one: ProcessUsage, other: ProcessUsage) -> ProcessUsage:
    return ProcessUsage(
        one.cpu_seconds + other.cpu_seconds, max(one.peak_memory_bytes, other.peak_memory_bytes)
    )
