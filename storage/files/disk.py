"""Free space of a disk, and calls that make folders and names survive a power cut.

Imports nothing of ours.
"""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

_CANNOT_SYNC = {errno.EACCES, errno.EINVAL}
"""Errors for an unreadable folder, and for a file system that cannot sync folders."""


@dataclass(frozen=True)
class DiskSpace:
    """Size of a disk, and space that unprivileged users can still use, in bytes."""

    total: int
    free: int


def disk_space(folder: Path) -> DiskSpace:
    """Return the space of the disk that holds a folder. Takes microseconds. Raises OSError."""
    found = os.statvfs(folder)
    return DiskSpace(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail)


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
