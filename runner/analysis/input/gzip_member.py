"""A decoder of one gzip member: ISA-L's where it is installed, else Python's own.

It gathers the header before the decoder behind it sees a byte, since ISA-L fails on one with
extra fields (each member of bgzip has them) that comes in two parts.
"""

import zlib
from typing import Any

try:
    from isal import igzip_lib
except ImportError:
    igzip_lib = None  # type: ignore[assignment]

# Its types call the error an exception, not a class of them.
_ERRORS: Any = (zlib.error, *(() if igzip_lib is None else (igzip_lib.error,)))

_MAX_HEADER_BYTES = 256 << 10  # extra fields have 64 KiB at most; names have no bound of their own
_HEADER_CRC, _EXTRA, _NAME, _COMMENT, _RESERVED = 0x02, 0x04, 0x08, 0x10, 0xE0


class GzipError(Exception):
    """What is wrong with a gzip member."""


class GzipDecoder:
    """Decodes one member and proves its checksum and length, as bz2.BZ2Decompressor does."""

    def __init__(self, accelerated: bool = True) -> None:
        """`accelerated` where ISA-L is to be used if it is there."""
        self._header: bytes | None = b""  # None once it is complete
        self._inner: Any
        if accelerated and igzip_lib is not None:
            self._inner = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        else:
            self._inner = ZlibDecoder()

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        return bool(self._inner.eof)

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing to give without more data."""
        return self._header is not None or bool(self._inner.needs_input)

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        unused: bytes = self._inner.unused_data
        return unused

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take data, and give at most `max_length` bytes. Raises GzipError for damaged data."""
        if self._header is not None:
            data = self._header + data
            if not header_is_complete(data):
                self._header = data
                return b""
            self._header = None
        try:
            piece: bytes = self._inner.decompress(data, max_length)
        except _ERRORS as error:
            raise GzipError(str(error)) from None
        return piece


class ZlibDecoder:
    """Python's decoder of gzip, in the manner of bz2.BZ2Decompressor."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._full = False  # stopped at the bound, so that there may be more to give

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing to give without more data."""
        return not (self._full or self._inner.unconsumed_tail)

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take data, and give at most `max_length` bytes. Raises zlib.error for damaged data."""
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


def header_is_complete(data: bytes) -> bool:
    """Whether data holds a whole header. Raises GzipError if it is none of gzip."""
    if data[:3] != b"\x1f\x8b\x08"[: len(data)]:
        raise GzipError("not a gzip header")
    if len(data) > _MAX_HEADER_BYTES and not _ends_within(data[:_MAX_HEADER_BYTES]):
        raise GzipError("the gzip header is too long")
    return _ends_within(data)


def _ends_within(data: bytes) -> bool:
    if len(data) < 10:
        return False
    flags, at = data[3], 10
    if flags & _RESERVED:
        raise GzipError("the gzip header has unknown flags")
    if flags & _EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            end = data.find(b"\0", at)
            if end < 0:
                return False
            at = end + 1
    return len(data) >= at + (2 if flags & _HEADER_CRC else 0)
