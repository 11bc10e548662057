"""Keeps a backup from slowing the programs of the store down."""

import contextlib
import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_IOPRIO_WHO_PROCESS, _LOWEST = 1, (2 << 13) + 7
"""The lowest level of the class best-effort: the idle class may never get its turn."""
_LONGEST_SECONDS = 1.0
"""The longest rest: what took very long was not work, but a wait for others."""
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
    """Lets each thread work only for a part of the time, so that others get their turns at the disk
    and at the processors."""

    def __init__(self, share: float):
        """`share`: the part of the time in which there is work, above 0 and up to 1 for all."""
        self._rest_per_second = 1 / share - 1
        self._threads = threading.local()

    def rest(self) -> None:
        """Sleep in proportion to the time since the last call of this thread.

        It is called between small pieces of work, such as the writes of some 100 kB: others wait
        for one piece at most.
        """
        if self._rest_per_second:
            now = time.monotonic()
            worked = now - getattr(self._threads, "since", now)
            time.sleep(min(worked * self._rest_per_second, _LONGEST_SECONDS))
            self.skip()

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Do not rest within the block, because others wait for its end."""
        before, self._rest_per_second = self._rest_per_second, 0.0
        try:
            yield
        finally:
            self._rest_per_second = before

    def skip(self) -> None:
        """Do not count the time since the last `rest` of this thread: it waited for others."""
        self._threads.since = time.monotonic()
