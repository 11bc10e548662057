"""The records of a zip archive whose members are stored as they are, written while they arrive.

    local header │ data │ sizes │ local header │ data │ sizes │ … │ central directory │ end

Source: PKWARE's APPNOTE.TXT 6.3.10. Equal files make equal archives: no record has a time.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field

_VERSION = 45  # of zip64
_UNIX = 3 << 8
_READABLE = 0o100644 << 16
_FLAGS = 0x0808  # sizes follow the data; names are UTF-8
_STORED = 0
_TIME, _DATE = 0, 0x21  # 1980-01-01, the first that zip can state
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_ZIP64 = 0x0001
_END64_BYTES = 44  # of its record, after the field that states them
_COMMON = struct.pack("<5H", _VERSION, _FLAGS, _STORED, _TIME, _DATE)


@dataclass(frozen=True)
class _Member:
    name: bytes
    crc: int
    size: int
    offset: int


@dataclass
class ZipRecords:
    """Makes the records of one archive. `size` counts its bytes so far, with the data."""

    size: int = 0
    _members: list[_Member] = field(default_factory=list)
    _times_used: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """The number of members so far."""
        return len(self._members)

    @property
    def names(self) -> list[str]:
        """The names of the members so far."""
        return [member.name.decode() for member in self._members]

    def begin(self, name: str) -> bytes:
        """The local header of the next member. A name that was used before gets a number."""
        self._times_used[name] += 1
        encoded = _with_number(name, self._times_used[name]).encode()
        self._members.append(_Member(encoded, 0, 0, self.size))
        sizes = struct.pack("<3I2H", 0, _MAX32, _MAX32, len(encoded), 20)
        extra = struct.pack("<2H2Q", _ZIP64, 16, 0, 0)
        return self._counted(b"PK\x03\x04" + _COMMON + sizes + encoded + extra)

    def end(self, size: int, crc: int) -> bytes:
        """The record that follows the data of the member that was begun: its size and CRC-32."""
        begun = self._members.pop()
        self._members.append(_Member(begun.name, crc, size, begun.offset))
        self.size += size
        return self._counted(struct.pack("<4sI2Q", b"PK\x07\x08", crc, size, size))

    def directory(self) -> bytes:
        """The central directory and the end of the archive."""
        start = self.size
        entries = b"".join(map(_entry, self._members))
        count, at = len(self._members), start + len(entries)
        end64 = struct.pack("<4sQ2H2I", b"PK\x06\x06", _END64_BYTES, _VERSION, _VERSION, 0, 0)
        end64 += struct.pack("<4Q", count, count, len(entries), start)
        end64 += struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
        few, near = min(count, _MAX16), min(start, _MAX32)
        end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, few, few, len(entries), near, 0)
        return self._counted(entries + (end64 if near == _MAX32 or few == _MAX16 else b"") + end)

    def _counted(self, record: bytes) -> bytes:
        self.size += len(record)
        return record


def _entry(member: _Member) -> bytes:
    """The entry of a member in the central directory."""
    values = (member.size, member.size, member.offset)
    large = [value for value in values if value >= _MAX32]
    size, packed, offset = (min(value, _MAX32) for value in values)
    extra = struct.pack(f"<2H{len(large)}Q", _ZIP64, 8 * len(large), *large) if large else b""
    sizes = struct.pack("<3I3H", member.crc, packed, size, len(member.name), len(extra), 0)
    rest = struct.pack("<2H2I", 0, 0, _READABLE, offset)
    head = b"PK\x01\x02" + struct.pack("<H", _UNIX | _VERSION) + _COMMON
    return head + sizes + rest + member.name + extra


def _with_number(name: str, number: int) -> str:
    """`app.log` and then `app (2).log`, so that a tool that unpacks them loses none."""
    if number == 1:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem} ({number}).{suffix}" if stem and dot else f"{name} ({number})"
