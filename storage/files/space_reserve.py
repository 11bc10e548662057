"""Disk space that is kept for cancels, so that they work on a full disk.

A file beside the SQLite database takes up space while there is plenty. When a cancel finds the disk
full, a piece of the file is given back, which is enough for some cancels. The database of a
PostgreSQL server has no such file.
"""

import os
from collections.abc import Callable
from pathlib import Path
from shutil import disk_usage
from typing import TypeVar

from storage.records.job import StoreFull

RESERVE_BYTES = 4 << 20
STEP_BYTES = 256 << 10
"""What is given back at once. A cancel writes about 20 pages of 4 KiB."""
MIN_FREE_BYTES = 4 * RESERVE_BYTES
"""The reserve is filled only while the disk has more free space than this."""

Result = TypeVar("Result")


class SpaceReserve:
    """The reserve of a database file; None stands for a server. Any number of processes use it."""

    def __init__(self, database: Path | None):
        self._path = database and database.with_name(f"{database.name}-reserve")

    def fill(self) -> None:
        """Fill the reserve if the disk has plenty of space. Raises OSError."""
        if self._path is None or disk_usage(self._path.parent).free < MIN_FREE_BYTES:
            return
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size < RESERVE_BYTES:
                os.posix_fallocate(file, 0, RESERVE_BYTES)
        finally:
            os.close(file)

    def release(self) -> bool:
        """Give a piece of the reserve back to the disk; return False if nothing is left."""
        if self._path is None:
            return False
        try:
            size = self._path.stat().st_size
            os.truncate(self._path, max(0, size - STEP_BYTES))
        except OSError:
            return False
        return size > 0

    def retrying(self, change: Callable[[], Result]) -> Result:
        """Return the result of `change`; while the disk is full, release a piece and try again.

        Raises what `change` raises, and StoreFull when the reserve is used up.
        """
        while True:
            try:
                return change()
            except StoreFull:
                if not self.release():
                    raise
