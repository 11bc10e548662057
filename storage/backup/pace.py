"""Keeps a backup from slowing the programs of the store down."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

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


class Pace:
    """Waits after each step of work, so that others get their turns at the disk."""

    def __init__(self, share: float):
        """`share`: the part of the time in which there is work, above 0 and up to 1."""
        self._wait_per_second = 1 / share - 1

    @contextmanager
    def step(self) -> Iterator[None]:
        """Do a step of work, and wait afterwards."""
        began_at = time.monotonic()
        yield
        time.sleep((time.monotonic() - began_at) * self._wait_per_second)
