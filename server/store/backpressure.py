"""Refuses new jobs while a disk is nearly full: what is left is for the jobs that were accepted.

A JSON body goes to the database, a form also to the folder of uploads. On PostgreSQL, the disk of
the database is its server's affair.
"""

import logging
import time
from pathlib import Path

from server.http.problems import Problem, insufficient_storage, unavailable
from storage.files.disk import DiskSpace, disk_space

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.02
"""How long it is known what is free; what was let pass since then counts as taken."""
DEFAULT_BYTES = 256 * 1024**2
DEFAULT_PART = 10
"""The default keeps no more than this part of a disk, so that a small one can be used at all."""


class DiskWatermark:
    """Looks at the disks some times a second, and before each refusal.

    `least` is the number of bytes that have to stay free: 0 for none, None for the default;
    `database` and `uploads` are None for what is elsewhere.
    """

    def __init__(self, least: int | None, database: Path | None, uploads: Path | None):
        self._least = least
        self._folders = {} if database is None else {"database": database}
        self._uploads = self._folders if uploads is None else {**self._folders, "uploads": uploads}
        self._low: set[str] = set()
        self._seen: dict[str, tuple[float, DiskSpace]] = {}
        """What was free of each disk, and when."""

    def admit(self, size: int) -> None:
        """Let a job without a file pass, whose request has so many bytes. Raises Problem 507."""
        for name, folder in self._folders.items():
            self._require(name, folder, size)

    def admit_upload(self, size: int) -> None:
        """Let so many bytes of a form pass; all of it, or the next. Raises Problem 507."""
        for name, folder in self._uploads.items():
            self._require(name, folder, size)

    def _require(self, name: str, folder: Path, size: int) -> None:
        now = time.monotonic()
        seen_at, seen = self._seen.get(name, (-LOOK_SECONDS, DiskSpace(0, 0)))
        if now - seen_at >= LOOK_SECONDS or seen.free - size < self._least_of(seen):
            seen_at, seen = now, self._look(name, folder)
        least = self._least_of(seen)
        if seen.free - size < least:
            raise _too_little(name, seen, least, size)
        self._seen[name] = seen_at, DiskSpace(seen.total, seen.free - size)

    def _look(self, name: str, folder: Path) -> DiskSpace:
        try:
            found = disk_space(folder)
        except OSError as error:
            raise unavailable(f"the disk of the {name} cannot be had: {error.strerror}") from error
        self._note(name, found, self._least_of(found))
        return found

    def _least_of(self, found: DiskSpace) -> int:
        if self._least is None:
            return min(DEFAULT_BYTES, found.total // DEFAULT_PART)
        return self._least

    def _note(self, name: str, found: DiskSpace, least: int) -> None:
        """Log when a disk gets below the mark, and when it is above again."""
        low = found.free < least
        if low != (name in self._low):
            self._low ^= {name}
            extra = {"disk": name, "free_bytes": found.free, "min_free_bytes": least}
            if low:
                log.warning("a disk is nearly full, new jobs are refused", extra=extra)
            else:
                log.info("a disk has room again, new jobs are taken", extra=extra)


def _too_little(name: str, found: DiskSpace, least: int, size: int) -> Problem:
    asked = f"; {size} more were asked for" if found.free >= least else ""
    return insufficient_storage(
        f"the disk of the {name} has {found.free} bytes free, of which {least} are kept for jobs"
        f" that were accepted (MIN_FREE_BYTES){asked}: make room there, or lower MIN_FREE_BYTES"
    )
