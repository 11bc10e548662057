"""Controls processes by prctl(2), signals and waitid(2). Linux only."""

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PR_SET_NO_NEW_PRIVS = 38
_OOM_SCORE_INCREASE = 500


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


def forbid_inspection() -> None:
    """Prevent other processes of this user from reading the environment, memory and files of this
    process (PR_SET_DUMPABLE off).

    It also disables core dumps. Programs that this process starts are not protected.
    """
    _prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0))


def set_process_name(name: str) -> None:
    """Set the name that ps and top show, up to 15 bytes. Forked processes inherit it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def set_no_new_privileges() -> None:
    """Prevent programs that this process starts from gaining privileges (PR_SET_NO_NEW_PRIVS)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))


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


def _prctl(option: int, argument: Any) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
