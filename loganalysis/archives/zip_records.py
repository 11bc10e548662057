"""Parses the records of zip archives: local headers, central directory, its end. Does no input.

Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5; Info-ZIP's extra field 0x5455 (UTC times).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from loganalysis.archives.archive import text_of

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END64, LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
DESCRIPTOR = b"PK\x07\x08"
LOCAL_BYTES, CENTRAL_BYTES, END_BYTES, LOCATOR64_BYTES, END64_BYTES = 30, 46, 22, 20, 56
MAX_COMMENT = 0xFFFF

DESCRIPTOR_BYTES = (12, 20)
"""A CRC and two sizes of 4 or 8 bytes each, after a signature that may be missing."""
MAX_DESCRIPTOR_BYTES = 24
STORED = 0
_UTF8, _SIZES_FOLLOW = 0x0800, 0x0008
_MASKED = 0x2041  # encrypted, strongly encrypted, or names are masked
_ZIP64, _TIMES = 0x0001, 0x5455
_MAX32, _MAX16 = 0xFFFFFFFF, 0xFFFF
_UNIX, _FILE_TYPE, _LINK, _REGULAR = 3, 0o170000, 0o120000, 0o100000


class RecordError(Exception):
    """A record has another signature, is too short, or states values that cannot be."""


@dataclass(frozen=True)
class Entry:
    """One member. `offset` is where its local header begins, `packed` its size in the archive.

    `sizes_follow` is true if its sizes follow its data, `is_open_ended` if they are only there.
    `header_bytes` is the size of the local header, if the entry comes from one.
    """

    raw_name: bytes
    name: str
    method: int
    is_encrypted: bool
    sizes_follow: bool
    crc: int
    packed: int
    size: int
    modified: float | None
    offset: int
    is_regular: bool
    is_open_ended: bool = False
    header_bytes: int = 0


@dataclass(frozen=True)
class Directory:
    """Where the central directory is, and how many entries it has."""

    entries: int
    size: int
    offset: int


def read_end(tail: bytes, tail_at: int) -> tuple[Directory, int] | None:
    """The directory that the end of an archive describes, and the offset of the end record.

    `tail` is the end of the file, from offset `tail_at` on. Returns None if it has no end record.
    """
    at = tail.rfind(END)
    while at >= 0:
        if len(tail) - at >= END_BYTES:
            fields = struct.unpack("<4H2IH", tail[at + 4 : at + END_BYTES])
            disk, first_disk, here, entries, size, offset, comment = fields
            if at + END_BYTES + comment == len(tail):
                if (disk, first_disk) not in ((0, 0), (_MAX16, _MAX16)) or here != entries:
                    raise RecordError("it is one of several volumes")
                return Directory(entries, size, offset), tail_at + at
        at = tail.rfind(END, 0, at + 3)
    return None


def needs_end64(directory: Directory) -> bool:
    """Whether a value does not fit the end record, so that the larger one has it."""
    return directory.entries == _MAX16 or directory.size == _MAX32 or directory.offset == _MAX32


def read_locator64(record: bytes) -> int | None:
    """The offset of the larger end record; None if this is not its locator."""
    if len(record) < LOCATOR64_BYTES or not record.startswith(LOCATOR64):
        return None
    offset: int = struct.unpack("<Q", record[8:16])[0]
    return offset


def read_end64(record: bytes) -> Directory:
    """The directory that the larger end record describes. Raises RecordError."""
    if len(record) < END64_BYTES or not record.startswith(END64):
        raise RecordError("its zip64 end record is missing")
    disk, first_disk, here, entries, size, offset = struct.unpack("<2I4Q", record[16:END64_BYTES])
    if disk or first_disk or here != entries:
        raise RecordError("it is one of several volumes")
    return Directory(entries, size, offset)


def read_central(head: bytes) -> tuple[int, int, int]:
    """The lengths of the name, the extra fields and the comment of an entry. Raises RecordError."""
    if len(head) < CENTRAL_BYTES or not head.startswith(CENTRAL):
        raise RecordError("its central directory is damaged")
    name, extra, comment = struct.unpack("<3H", head[28:34])
    return name, extra, comment


def central_entry(head: bytes, name: bytes, extra: bytes) -> Entry:
    """The entry of the central directory. Raises RecordError."""
    (made_by,) = struct.unpack("<H", head[4:6])
    attributes, offset = struct.unpack("<2I", head[38:46])
    entry = _entry(head[8:28], name, extra, offset)
    unix_type = attributes >> 16 & _FILE_TYPE if made_by >> 8 == _UNIX else 0
    return replace(entry, is_regular=entry.is_regular and unix_type in (0, _REGULAR))


def read_local(head: bytes) -> tuple[int, int]:
    """The lengths of the name and the extra fields of a local header. Raises RecordError."""
    if len(head) < LOCAL_BYTES or not head.startswith(LOCAL):
        raise RecordError("a member has no local header")
    name, extra = struct.unpack("<2H", head[26:30])
    return name, extra


def local_entry(head: bytes, name: bytes, extra: bytes, offset: int) -> Entry:
    """The entry that a local header at `offset` describes. Raises RecordError."""
    entry = _entry(head[6:26], name, extra, 0)  # the header does not say where it is
    return replace(
        entry,
        offset=offset,
        is_open_ended=entry.sizes_follow and not entry.packed,
        header_bytes=LOCAL_BYTES + len(name) + len(extra),
    )


def _entry(common: bytes, name: bytes, extra: bytes, offset: int) -> Entry:
    """The entry by the fields that both headers have: flags, method, time, checksum and sizes."""
    flags, method, time, date, crc, packed, size = struct.unpack("<4H3I", common)
    fields = dict(_extra_fields(extra))
    if _MAX32 in (size, packed, offset):
        size, packed, offset = _large_values(fields.get(_ZIP64, b""), [size, packed, offset])
    return Entry(
        raw_name=name,
        name=_decoded(name, flags),
        method=method,
        is_encrypted=bool(flags & _MASKED),
        sizes_follow=bool(flags & _SIZES_FOLLOW),
        crc=crc,
        packed=packed,
        size=size,
        modified=_modified(fields.get(_TIMES, b""), date, time),
        offset=offset,
        is_regular=not name.endswith(b"/"),
    )


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, data) of each extra field. Bytes that form no field are ignored, as others do."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack("<2H", extra[at : at + 4])
        yield kind, extra[at + 4 : at + 4 + size]
        at += 4 + size


def _large_values(field: bytes, values: list[int]) -> list[int]:
    """The size, packed size and offset, taken from the zip64 field where they did not fit."""
    at, found = 0, []
    for value in values:
        if value == _MAX32:
            if len(field) < at + 8:
                raise RecordError("a member has no zip64 sizes")
            value = int.from_bytes(field[at : at + 8], "little")
            at += 8
        found.append(value)
    return found


def _decoded(name: bytes, flags: int) -> str:
    """The name as text. Without the UTF-8 flag, it is code page 437, but often UTF-8 as well."""
    if flags & _UTF8:
        return text_of(name)
    try:
        return name.decode()
    except UnicodeDecodeError:
        return text_of(name, "cp437")


def _modified(times: bytes, date: int, time: int) -> float | None:
    """The time of the file. The DOS time has no time zone and is taken as UTC."""
    if len(times) >= 5 and times[0] & 1:
        return float(int.from_bytes(times[1:5], "little", signed=True))
    try:
        moment = datetime(
            (date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, tzinfo=UTC
        )
    except ValueError:
        return None
    return moment.timestamp()
