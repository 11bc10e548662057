"""How much room there is on a disk. Imports nothing of ours."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DiskSpace:
    """The size of a disk and what is free of it for those who are not root, in bytes."""

    total: int
    free: int


def disk_space(folder: Path) -> DiskSpace:
    """The disk that a folder is on; takes some microseconds. Raises OSError."""
    found = os.statvfs(folder)
    return DiskSpace(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail)
