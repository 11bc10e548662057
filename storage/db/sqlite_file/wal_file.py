"""Finds a WAL that does not belong to the SQLite file beside it.

SQLite applies every WAL whose own checksums are right, also to another state of the file. The row
in the table `version` tells them apart: `value` grows with every change, and `base` is the value
before the transaction that has set it (`storage/db/versions.py`). So the first such row in a WAL
says which changes the file must have had when the WAL began.

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
_LEAF_OF_TABLE = 13
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
        table = _version_table(file)
        base = table and _first_base(wal, table)
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


class _Table(NamedTuple):
    """The table `version`: its root page, and the number of its column `base`."""

    root: int
    base: int


def _version_table(file: Path) -> _Table | None:
    with open_plainly(file, "immutable") as plain:
        select = "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'version'"
        root = plain.execute_sql(select).fetchone()
        columns = [row[1] for row in plain.execute_sql("PRAGMA table_info(version)")]
    return _Table(root[0], columns.index("base")) if root and "base" in columns else None


def _version(file: Path, mode: str) -> int:
    with open_plainly(file, mode) as plain:
        return int(plain.execute_sql("SELECT value FROM version").fetchone()[0])


def _first_base(wal: int, table: _Table) -> int | None:
    """Return `base` in the first row of `version` in a WAL; None if there is none."""
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
        if page_number == table.root:
            page = os.pread(wal, page_bytes, at + _FRAME_HEADER_BYTES)
            found = _checksum(frame[:8] + page, checksum, "<>"[magic & 1])
            return _column(page, table.base) if found == tuple(frame_salt_and_sum[2:]) else None
        checksum = tuple(frame_salt_and_sum[2:])
        at += _FRAME_HEADER_BYTES + page_bytes
    return None


def _checksum(data: bytes, start: tuple[int, ...], order: str) -> tuple[int, int]:
    """Return SQLite's checksum of data, which continues that of the data before."""
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data[: len(data) // 8 * 8])
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _column(page: bytes, number: int) -> int | None:
    """Return an integer column of the only row on a page; None if it has no such value."""
    if page[0] != _LEAF_OF_TABLE or page[3:5] != b"\0\1":
        return None  # the page of another table: the WAL belongs to another database
    at = int.from_bytes(page[8:10], "big")
    _, at = _varint(page, at)  # the size of the row
    _, at = _varint(page, at)  # its rowid
    header_bytes, types_at = _varint(page, at)
    values_at = at + header_bytes
    for each in range(number + 1):
        if types_at >= at + header_bytes:
            return None  # the row is older than the column
        serial_type, types_at = _varint(page, types_at)
        if each == number:
            return _integer(page, values_at, serial_type)
        values_at += _INTEGER_BYTES.get(serial_type, 0)
    return None


def _integer(page: bytes, at: int, serial_type: int) -> int | None:
    if serial_type in (8, 9):
        return serial_type - 8
    size = _INTEGER_BYTES.get(serial_type)
    return None if size is None else int.from_bytes(page[at : at + size], "big", signed=True)


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length below 2 to the power of 56, and where it ends."""
    value = 0
    while True:
        byte, at = page[at], at + 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
