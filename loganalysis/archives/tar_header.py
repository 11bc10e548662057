"""Reads the header blocks of tar archives: ustar, GNU and pax. Does no input.

Sources: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Header Block"; GNU tar's manual,
"Basic Tar Format".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from loganalysis.read.binary_formats import is_tar

BLOCK_BYTES = 512
_USTAR = b"ustar\0"
_LARGEST = 1 << 62
_SPARSE = ("GNU.sparse.major", "GNU.sparse.size", "GNU.sparse.map", "GNU.sparse.realsize")

REGULAR = b"0\0" + b"7"
WITHOUT_DATA = b"123456"
"""Links, devices, directories and pipes: no data follows, whatever size the header states."""
LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL = b"L", b"K", b"x", b"g"
FOR_NEXT = PAX + LONG_NAME + LONG_LINK
"""Headers whose data describes the next header."""
SPARSE = b"S"


class HeaderError(Exception):
    """The block is no header, or states values that cannot be."""


@dataclass(frozen=True)
class Header:
    """One header block. `size` is the number of data bytes, `kind` one byte."""

    name: bytes
    size: int
    modified: float | None
    kind: bytes
    has_more_blocks: bool
    """Whether the map of an old GNU sparse file goes on in the next block."""


def read_header(block: bytes) -> Header:
    """Read a block of 512 bytes. Raises HeaderError."""
    if not is_tar(block):
        raise HeaderError("its checksum is wrong")
    name, kind = block[:100].split(b"\0", 1)[0], block[156:157]
    if block[257:263] == _USTAR and (prefix := block[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    if kind == b"\0" and name.endswith(b"/"):
        kind = b"5"  # Unix V7 had no other mark for directories
    size, modified = _number(block[124:136]), _number(block[136:148], signed=True)
    return Header(name, size, float(modified), kind, kind == SPARSE and block[482] != 0)


def _number(field: bytes, signed: bool = False) -> int:
    """A number in octal digits or, if the first bit is set, in binary."""
    if field[0] & 0x80:
        value = int.from_bytes(field[1:], "big") | (field[0] & 0x3F) << 8 * (len(field) - 1)
        if field[0] & 0x40:
            value -= 1 << 8 * len(field) - 2
    else:
        digits = field.split(b"\0", 1)[0].strip(b" ")
        if not all(byte in b"01234567" for byte in digits):
            raise HeaderError("it has a number with other than octal digits")
        value = int(digits or b"0", 8)
    if not (-_LARGEST if signed else 0) <= value <= _LARGEST:
        raise HeaderError(f"it states a size of {value} bytes")
    return value


def read_records(data: bytes) -> dict[str, bytes]:
    """The records of a pax header: `LENGTH KEY=VALUE` and a newline each. Raises HeaderError."""
    records, at = dict[str, bytes](), 0
    while at < len(data) and data[at]:
        space = data.find(b" ", at, at + 20)
        length = data[at:space]
        if space < 0 or not length.isdigit() or not 0 < int(length) <= len(data) - at:
            raise HeaderError("a record has no valid length")
        record = data[space + 1 : at + int(length)]
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        if not equals or not record.endswith(b"\n"):
            raise HeaderError("a record has no key or no end")
        records[key.decode("utf-8", "replace")] = value
        at += int(length)
    return records


def with_records(header: Header, records: Mapping[str, bytes]) -> Header:
    """The header with the values of pax records instead of its own. Raises HeaderError."""
    name, size, modified = header.name, header.size, header.modified
    name = records.get("GNU.sparse.name", records.get("path", name))
    if value := records.get("size"):
        if not value.isdigit() or len(value) > 19 or int(value) > _LARGEST:
            raise HeaderError("a record states no valid size")
        size = int(value)
    if value := records.get("mtime"):
        try:
            modified = float(value[:40])
        except ValueError:
            raise HeaderError("a record states no valid time") from None
    kind = SPARSE if any(key in records for key in _SPARSE) else header.kind
    return Header(name, size, modified, kind, header.has_more_blocks)
