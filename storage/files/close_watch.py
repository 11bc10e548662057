"""Tells that a file in a folder was closed by the last process that had it open for writing.

By inotify(7), for which Python has no call of its own. Imports nothing of ours.
"""

import contextlib
import ctypes
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

_IN_CLOSE_WRITE = 0x8
_libc = ctypes.CDLL(None, use_errno=True)


class CloseWatch:
    """A descriptor that is readable after such a closing."""

    def __init__(self, folder: Path):
        """Watch a folder. Raises OSError."""
        self._file = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            _checked(_libc.inotify_add_watch(self._file, os.fsencode(folder), _IN_CLOSE_WRITE))
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """The descriptor."""
        return self._file

    def take(self) -> bool:
        """Whether there was one since this was last asked."""
        taken = False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._file, 4096):
                taken = True
        return taken

    def close(self) -> None:
        """Watch no more."""
        os.close(self._file)


def watch(folder: Path) -> CloseWatch | None:
    """Watch a folder that exists; None where the kernel's limits do not allow it."""
    try:
        return CloseWatch(folder)
    except OSError as error:
        log.warning("files are not watched", extra={"folder": str(folder), "reason": str(error)})
        return None


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
