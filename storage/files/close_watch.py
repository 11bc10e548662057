"""Notices when the last process that has a file of a folder open for writing closes it.

Uses inotify(7), which Python's standard library does not wrap. Imports nothing of ours.
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
    """A file descriptor that becomes readable when a file of the folder is closed after writing."""

    def __init__(self, folder: Path):
        """Start watching a folder. Raises OSError."""
        self._file = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            _checked(_libc.inotify_add_watch(self._file, os.fsencode(folder), _IN_CLOSE_WRITE))
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """The inotify descriptor."""
        return self._file

    def take(self) -> bool:
        """Consume all pending events; return whether there were any."""
        taken = False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._file, 4096):
                taken = True
        return taken

    def close(self) -> None:
        """Stop watching."""
        os.close(self._file)


def watch(folder: Path) -> CloseWatch | None:
    """Watch an existing folder. Return None if the kernel's inotify limits are reached."""
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
