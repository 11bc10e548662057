"""The priority of a backup, and its end with its parent."""

import contextlib
import ctypes
import os
import signal

_IOPRIO_WHO_PROCESS, _LOWEST = 1, (2 << 13) + 7
"""The lowest level of the class best-effort: the idle class may never get its turn."""
_PR_SET_PDEATHSIG = 1
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_NICENESS = 5
"""As jobs have. More would make a backup on a busy machine, and so its snapshot, take too long."""


def step_back() -> None:
    """Give this process a low priority for processors and disks."""
    with contextlib.suppress(OSError):  # forbidden in some sandboxes
        os.nice(_NICENESS)
    if (number := _SYS_IOPRIO_SET.get(os.uname().machine)) is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _LOWEST)


def end_with_parent() -> None:
    """Have the kernel end this process when its parent dies (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM), 0, 0, 0)
