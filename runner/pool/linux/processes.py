"""Processes by the means of the kernel: prctl and signals. Linux only.

Imports nothing of ours but `proc`, what the kernel tells of them.
"""

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from runner.pool.linux import proc

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PR_SET_NO_NEW_PRIVS = 38
_OOM_SCORE_MORE = 500


class ProcessUsage(NamedTuple):
    """What processes have used: CPU time in seconds, and the greatest resident memory of one."""

    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


def die_with_parent(parent: int, signal_number: int) -> None:
    """Get a signal when the parent dies; exit at once if it is dead already.

    The kernel means the parent's thread that made this process, so let only the main thread do it.
    """
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number))
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans(adopt: bool = True) -> bool:
    """Be the parent of all processes below that lose theirs, or not; returns what it was before."""
    before = ctypes.c_int()
    _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before))
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(adopt))
    return bool(before.value)


def hide() -> None:
    """Let no other process of this user look into this one: its environment, memory, files.

    It can dump no core either; what it starts is as visible as ever.
    """
    _prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0))


def set_name(name: str) -> None:
    """What tools show as the name of this process, up to 15 bytes; what it forks has it as well."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def gain_nothing() -> None:
    """Let no program that this process starts run as another user, or with more rights."""
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))


def kill_below(spare: Collection[int] = ()) -> ProcessUsage:
    """Kill every process below this one, and wait until none is left; returns what they used.

    Needs adopt_orphans. Each round kills all that it sees, and waits for the own children among
    them: the children of those become own ones, to be found by the next round.
    """
    used = ProcessUsage()
    while own := [child for child in proc.children_of(os.getpid()) if child not in spare]:
        # All, though the own ones would do in the end: a tree may grow faster than it is cut down.
        for pid in list(proc.descendants_of(os.getpid(), spare)):
            send_signal(pid, signal.SIGKILL)
        for pid in own:
            used = _sum(used, _wait_for(pid))
    return used


def send_signal(pid: int, signal_number: int, group: bool = False) -> None:
    """Send a signal to a process, or to its whole process group; one that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(pid, signal_number)
        else:
            os.kill(pid, signal_number)


def exit_code(pid: int) -> int | None:
    """How a child has ended: its exit code, or minus the signal that killed it; None if it lives.

    It stays to be waited for.
    """
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def is_stopped(pid: int) -> bool:
    """Whether somebody has stopped a child. It can be asked again, and waited for by others."""
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    return False


def in_words(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def cpu_seconds() -> float:
    """CPU time of this process and of the children that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def be_first_to_be_killed() -> None:
    """When memory runs out, let the kernel take this process before the others."""
    with contextlib.suppress(OSError):
        score = int(Path("/proc/self/oom_score_adj").read_text())
        Path("/proc/self/oom_score_adj").write_text(str(min(1000, score + _OOM_SCORE_MORE)))


def close_descriptors_but(keep: Iterable[int]) -> None:
    """Close all descriptors of this process but those, and the standard three."""
    kept = {0, 1, 2, *keep}
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
        if descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _wait_for(pid: int) -> ProcessUsage:
    try:
        _, _, usage = os.wait4(pid, 0)
    except ChildProcessError:
        return ProcessUsage()
    return ProcessUsage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _sum(one: ProcessUsage, other: ProcessUsage) -> ProcessUsage:
    return ProcessUsage(
        one.cpu_seconds + other.cpu_seconds, max(one.peak_memory_bytes, other.peak_memory_bytes)
    )


def _prctl(option: int, argument: Any) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
