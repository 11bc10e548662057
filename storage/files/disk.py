"""Calls that make folders and names survive a power cut, and the time of a folder's file system.

Imports nothing of ours.
"""

import errno
import os
import time
from pathlib import Path

_CANNOT_SYNC = {errno.EACCES, errno.EINVAL}
"""Errors for an unreadable folder, and for a file system that cannot sync folders."""


def make_folder(folder: Path) -> None:
    """Create a folder and its parents durably, unless they exist. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
    sync_name(folder)


def sync_name(path: Path) -> None:
    """Sync the parent folder of a path, so that the name survives a power cut. Does nothing if the
    parent cannot be synced. Raises OSError.

    Also call this for paths that already exist: their creator may have been killed before the sync.
    """
    try:
        sync_folder(path.parent)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_time(folder: Path) -> float:
    """Return the time by the clock that dates the files in a folder, in seconds since 1970.

    On a network share, that is the server's clock. If the folder cannot be changed, it is this
    program's clock. Raises FileNotFoundError.
    """
    try:
        os.utime(folder)
    except FileNotFoundError:
        raise
    except OSError:
        return time.time()
    return folder.stat().st_mtime
