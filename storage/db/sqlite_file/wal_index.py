"""Finds out from `jobs.db-shm` that a WAL is gone whose changes are not in the SQLite file.

The last program that closes a database copies the WAL into the file, and removes the WAL and this
index of it. A program that is killed leaves both. So an index without its WAL tells how many pages
the WAL had, and how many of them were copied.

The format: https://sqlite.org/walformat.html#wal_index_header
"""

import os
import struct
from pathlib import Path

_HEADER_BYTES = 48
_IS_INITIALIZED, _PAGES_OF_WAL = slice(12, 13), slice(16, 20)
_COPIED_PAGES = slice(2 * _HEADER_BYTES, 2 * _HEADER_BYTES + 4)


def lost_changes(file: Path) -> str | None:
    """Return what was lost with the WAL of a file; None if nothing shows that something was.

    Other programs may open and close the file meanwhile.
    """
    before = _read(file)
    lost = _pages_of_wal_alone(before)
    # An index that has not changed since shows that there was no WAL in between.
    if not lost or _has_wal(file) or _read(file) != before:
        return None
    return (
        f"its WAL was deleted or emptied, and with it {lost} changed pages, as {file}-shm tells "
        f"(delete that file to go on without these changes)"
    )


def _pages_of_wal_alone(index: bytes) -> int:
    header, copy = index[:_HEADER_BYTES], index[_HEADER_BYTES : 2 * _HEADER_BYTES]
    if len(index) < _COPIED_PAGES.stop or header != copy or header[_IS_INITIALIZED] != b"\1":
        return 0
    pages, copied = struct.unpack("=2I", header[_PAGES_OF_WAL] + index[_COPIED_PAGES])
    return max(0, int(pages) - int(copied))


def _read(file: Path) -> bytes:
    try:
        with open(f"{file}-shm", "rb") as index:
            return index.read(_COPIED_PAGES.stop)
    except OSError:
        return b""


def _has_wal(file: Path) -> bool:
    try:
        return os.stat(f"{file}-wal").st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True
