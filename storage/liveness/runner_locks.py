"""The locks by which runners on one host tell that they live. Imports nothing of ours."""

import fcntl
import os
from pathlib import Path


def lock_path(folder: Path, name: str) -> Path:
    """The file that a runner holds a lock on."""
    return folder / f"{name}.lock"


def lock_is_free(path: Path) -> bool:
    """Whether nobody holds the lock. A missing file is that of a runner that ended in order."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
