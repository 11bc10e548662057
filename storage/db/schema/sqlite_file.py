"""Makes a new SQLite file, which has its name only when it is whole and on the disk.

    jobs.db.making ─ schema ─▶ synced ─▶ linked as jobs.db ─▶ folder synced ─▶ first name removed

A program that is killed, or a power cut, leaves at most the first name, which the next one removes.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from storage.files.disk import sync_name


def make_file(file: Path, make: Callable[[Path], None]) -> None:
    """Have a file made unless there is one; one at a time, so the caller holds a lock.

    `make` writes all of it to the path it is given. Raises OSError, and what `make` does.
    """
    file = file.resolve()
    part = file.with_name(f"{file.name}.making")
    part.unlink(missing_ok=True)
    if not file.exists():
        make(part)
        _sync(part)
        with contextlib.suppress(FileExistsError):  # that of another program stays as it is
            os.link(part, file)
    sync_name(file)
    part.unlink(missing_ok=True)


def _sync(file: Path) -> None:
    with file.open("rb") as content:
        os.fsync(content.fileno())
