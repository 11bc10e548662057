"""A decoder of one gzip member, by ISA-L, which is twice as fast as zlib.

It collects the whole header before it passes it on, because ISA-L fails on a header with extra
fields that arrives in two pieces. (Each member that bgzip writes has extra fields.)
"""

from typing import Any

from isal import igzip_lib

_ERROR: Any = igzip_lib.error  # its type stub declares an exception, not a class

_MAX_HEADER_BYTES = 256 << 10  # extra fields have at most 64 KiB, but names can have any length
_HEADER_CRC, _EXTRA, _NAME, _COMMENT, _RESERVED = 0x02, 0x04, 0x08, 0x10, 0xE0


class GzipError(Exception):
    """The gzip member is damaged."""


class GzipDecoder:
    """Decodes one member and checks its CRC and length; same interface as bz2.BZ2Decompressor."""

    def __init__(self) -> None:
        self._header: bytes | None = b""  # None once it is complete
        self._inner: Any = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        return bool(self._inner.eof)

    @property
    def needs_input(self) -> bool:
        """Whether the decoder needs more input before it can return data."""
        return self._header is not None or bool(self._inner.needs_input)

    @property
    def unused_data(self) -> bytes:
        """Input that follows the member."""
        unused: bytes = self._inner.unused_data
        return unused

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decode input, and return at most `max_length` bytes. Raises GzipError."""
        if self._header is not None:
            data = self._header + data
            if not header_is_complete(data):
                self._header = data
                return b""
            self._header = None
        try:
            piece: bytes = self._inner.decompress(data, max_length)
        except _ERROR as error:
            raise GzipError(str(error)) from None
        return piece


def header_is_complete(data: bytes) -> bool:
    """Whether data contains a whole gzip header. Raises GzipError if it is no gzip header."""
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
