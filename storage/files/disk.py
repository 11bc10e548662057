"""How much room there is on a disk. Imports nothing of ours."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

_CANNOT_SYNC = {errno.EACCES, errno.EINVAL}
"""Of a folder that we may not read, and of one in a file system that syncs no folders."""


@dataclass(frozen=True)
class DiskSpace:
    """The size of a disk and what is free of it for those who are not root, in bytes."""

    total: int
    free: int


def disk_space(folder: Path) -> DiskSpace:
    """The disk that a folder is on; takes some microseconds. Raises OSError."""
    found = os.statvfs(folder)
    return DiskSpace(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, durably; it may be there already. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
    sync_name(folder)


def sync_name(path: Path) -> None:
    """Write the name of what was made to disk, as far as its folder lets us. Raises OSError.

    Also to be done for what was there: whoever made it may have been killed before it came to this.
    """
    try:
        sync_folder(path.parent)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
