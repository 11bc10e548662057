"""Creates a SQLite file that gets its name only when it is complete and synced to disk.

    jobs.db.making ─ schema ─▶ synced ─▶ linked as jobs.db ─▶ folder synced ─▶ first name removed

After a kill or a power cut at most the temporary file remains; the next start removes it.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from storage.files.folders import sync_name


def create_file(file: Path, write: Callable[[Path], None]) -> None:
    """Create a file, unless it exists. The caller must hold a lock.

    `write` writes the complete file to the path that it is given. Raises OSError, and whatever
    `write` raises.
    """
    file = file.resolve()
    part = file.with_name(f"{file.name}.making")
    part.unlink(missing_ok=True)
    if not file.exists():
        write(part)
        _sync(part)
        with contextlib.suppress(FileExistsError):  # another program was first: keep its file
            os.link(part, file)
    sync_name(file)
    part.unlink(missing_ok=True)


def _sync(file: Path) -> None:
    with file.open("rb") as content:
        os.fsync(content.fileno())
