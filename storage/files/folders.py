"""Folders that outlast a power cut. Imports nothing of ours."""

import errno
import os
from pathlib import Path

_CANNOT_SYNC = {errno.EACCES, errno.EINVAL}
"""Of a folder that we may not read, and of one in a file system that syncs no folders."""


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
