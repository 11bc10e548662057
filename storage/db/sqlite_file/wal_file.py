"""Finds a WAL that does not belong to the SQLite file beside it.

SQLite applies every WAL whose own checksums are right, also to another state of the file. The
version row in the table `counter` tells them apart: `value` grows with every change, and `base` is
the value before the transaction that has set it (`storage/db/versions.py`). So the first such row
in a WAL says which changes the file must have had when the WAL began.

The format: https://sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import peewee as pw

from storage.db.sqlite_file.damage import is_damage

_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_MAGIC = 0x377F0682
"""The first four bytes of a WAL, plus 1 if its checksums are big-endian."""
_LEAF_OF_TABLE, _LEAF_OF_INDEX, _INTERIOR_OF_INDEX = 13, 10, 2
_KEY, _BASE_OF_COUNTER = (b"", b"version"), 3
"""The key of the version row in `counter`, and the number of the column `base` there."""
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""The size of an integer by its serial type. The types 8 and 9 are the numbers 0 and 1."""


@contextmanager
def open_plainly(file: Path | str, mode: str) -> Iterator[Any]:
    """Open a SQLite file in Peewee without changing a setting of it, and close it at the end.

    `mode` is "ro", "rw" or "immutable". The last reads the file without its WAL and without locks.
    """
    option = "immutable=1" if mode == "immutable" else f"mode={mode}"
    database = pw.SqliteDatabase(f"file:{quote(os.fsencode(file))}?{option}", uri=True, timeout=2)
    try:
        yield database
    finally:
        database.close()


def wal_mismatch(file: Path) -> str | None:
    """Return why the WAL beside a file does not belong to it; None if it may, or there is none.

    Other programs may use both files meanwhile. Raises errors of Peewee.
    """
    try:
        wal = os.open(f"{file}-wal", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # there is none; SQLite reports a file that cannot be read
    try:
        # In this order: each number was reached before the next one is read.
        page = _version_page(file)
        base = page and _first_base(wal, page)
        in_file = None if base is None else _version(file, "immutable")
    except pw.DatabaseError as error:
        if not is_damage(error):
            raise
        return None  # without its WAL, the file may be inconsistent
    finally:
        os.close(wal)
    if base is None or in_file is None:
        return None
    if base > in_file:
        return f"its WAL is newer: it continues from change {base}, the file ends at {in_file}"
    if (now := _version(file, "ro")) < in_file:
        return f"its WAL is older: it ends at change {now}, the file has {in_file}"
    return None


class _VersionPage(NamedTuple):
    """The page with the version row, and how the row is stored on it.

    In the table `counter` it is one of the first rows. Older files have it in a table of its own.
    """

    number: int
    in_counter: bool
    base: int
    """Number of the column `base`."""


def _version_page(file: Path) -> _VersionPage | None:
    with open_plainly(file, "immutable") as plain:
        roots = dict(plain.execute_sql("SELECT name, rootpage FROM sqlite_master").fetchall())
        columns = [row[1] for row in plain.execute_sql("PRAGMA table_info(version)")]
    if "counter" in roots:
        return _VersionPage(_first_leaf(file, roots["counter"]), True, _BASE_OF_COUNTER)
    if "base" in columns:
        return _VersionPage(roots["version"], False, columns.index("base"))
    return None


def _first_leaf(file: Path, root: int) -> int:
    """Return the number of the first leaf of the tree of an index."""
    with file.open("rb") as content:
        size = int.from_bytes(content.read(18)[16:], "big")
        size = 65536 if size == 1 else size
        while True:
            content.seek((root - 1) * size)
            page = content.read(size)
            if page[0] != _INTERIOR_OF_INDEX:
                return root
            at = int.from_bytes(page[12:14], "big")
            root = int.from_bytes(page[at : at + 4], "big")


def _version(file: Path, mode: str) -> int:
    with open_plainly(file, mode) as plain:
        tables = "SELECT 1 FROM sqlite_master WHERE name = 'counter'"
        old = "SELECT value FROM version"
        new = "SELECT value FROM counter WHERE type = '' AND name = 'version'"
        query = new if plain.execute_sql(tables).fetchone() else old
        return int(plain.execute_sql(query).fetchone()[0])


def _first_base(wal: int, version: _VersionPage) -> int | None:
    """Return `base` in the first version row in a WAL; None if there is none."""
    header = os.pread(wal, _HEADER_BYTES, 0)
    if len(header) < _HEADER_BYTES:
        return None
    magic, _, page_bytes, _, *salt_and_sum = struct.unpack(">8I", header)
    salt, checksum = salt_and_sum[:2], tuple(salt_and_sum[2:])
    if magic & ~1 != _MAGIC:
        return None
    at = _HEADER_BYTES
    while len(frame := os.pread(wal, _FRAME_HEADER_BYTES, at)) == _FRAME_HEADER_BYTES:
        page_number, _, *frame_salt_and_sum = struct.unpack(">6I", frame)
        if frame_salt_and_sum[:2] != salt:
            return None  # left over from an earlier use of the file
        if page_number == version.number:
            page = os.pread(wal, page_bytes, at + _FRAME_HEADER_BYTES)
            found = _checksum(frame[:8] + page, checksum, "<>"[magic & 1])
            return _base(page, version) if found == tuple(frame_salt_and_sum[2:]) else None
        checksum = tuple(frame_salt_and_sum[2:])
        at += _FRAME_HEADER_BYTES + page_bytes
    return None


def _checksum(data: bytes, start: tuple[int, ...], order: str) -> tuple[int, int]:
    """Return SQLite's checksum of data; it continues from `start`, the checksum of earlier data."""
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data[: len(data) // 8 * 8])
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _base(page: bytes, version: _VersionPage) -> int | None:
    """Return the column `base` of the version row on a page; None if it has no such value."""
    rows = int.from_bytes(page[3:5], "big")
    if page[0] != (_LEAF_OF_INDEX if version.in_counter else _LEAF_OF_TABLE):
        return None  # the page of another table: the WAL belongs to another database
    if not version.in_counter and rows != 1:
        return None
    for pointer in range(8, 8 + 2 * rows, 2):
        at = int.from_bytes(page[pointer : pointer + 2], "big")
        _, at = _varint(page, at)  # the size of the row
        if not version.in_counter:
            _, at = _varint(page, at)  # its rowid
        values = _values(page, at, version.base + 1)
        if not version.in_counter or tuple(each[1] for each in values[: len(_KEY)]) == _KEY:
            return _integer(*values[version.base]) if version.base < len(values) else None
    return None


def _values(page: bytes, at: int, most: int) -> list[tuple[int, bytes]]:
    """Return the serial types and the bytes of the first columns of a row."""
    header_bytes, types_at = _varint(page, at)
    values_at = types_end = at + header_bytes
    found: list[tuple[int, bytes]] = []
    while types_at < types_end and len(found) < most:  # an older row has fewer columns
        serial_type, types_at = _varint(page, types_at)
        size = _size_of(serial_type)
        found.append((serial_type, page[values_at : values_at + size]))
        values_at += size
    return found


def _size_of(serial_type: int) -> int:
    """Return the size of a value; texts have the odd types from 13 on."""
    return _INTEGER_BYTES.get(serial_type, max(0, (serial_type - 12) // 2))


def _integer(serial_type: int, data: bytes) -> int | None:
    if serial_type in (8, 9):
        return serial_type - 8
    return int.from_bytes(data, "big", signed=True) if serial_type in _INTEGER_BYTES else None


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length below 2 to the power of 56, and where it ends."""
    value = 0
    while True:
        byte, at = page[at], at + 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
