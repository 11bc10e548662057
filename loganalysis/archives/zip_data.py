"""The data of one zip member: decompressed in bounded memory, and checked against size and CRC."""

from collections.abc import Iterator
from typing import Any

from isal import igzip_lib, isal_zlib

from loganalysis.read.errors import SourceError
from loganalysis.read.formats import BZIP2, XZ, ZSTD, Decoder, Format
from loganalysis.read.open_source import CompressedSource, DecompressionLimits, PlainSource, Source
from loganalysis.read.stored import StoredSlice

_LIBRARY: Any = igzip_lib


def _deflate_decoder() -> Decoder:
    decoder: Decoder = _LIBRARY.IgzipDecompressor(flag=_LIBRARY.DECOMP_DEFLATE)
    return decoder


METHODS = {
    8: Format("deflate", _deflate_decoder, (_LIBRARY.error,), 32 << 10, 256 << 10),
    12: BZIP2,
    93: ZSTD,
    95: XZ,
}
"""Compressed methods that are read. Method 0 is stored; WinZip and 7-Zip know more."""
_NAMES = {1: "Shrink", 6: "Implode", 9: "Deflate64", 14: "LZMA", 97: "WavPack", 98: "PPMd"}
_NO_LIMITS = DecompressionLimits(None, 1, 1 << 62)
"""The limits hold for the whole archive, so its reader checks them."""


def method_name(method: int) -> str:
    """A compression method in words."""
    name = _NAMES.get(method)
    return f"{name} (method {method})" if name else f"method {method}"


class Unpacked(CompressedSource):
    """One compressed stream in a slice. Errors have offsets in the whole file."""

    def __init__(self, part: StoredSlice, form: Format, is_open_ended: bool = False) -> None:
        """The stream fills the slice, unless it is open-ended."""
        super().__init__(part, form, _NO_LIMITS)
        self._start, self._is_open_ended = part.start, is_open_ended

    def _members(self) -> Iterator[bytes]:
        for piece in self._member():
            self._data_bytes += len(piece)
            yield piece
        if not self._is_open_ended and self._next_chunk():
            raise self._error(f"bytes follow the {self._format.name} data", self._file_offset)

    def _error(self, problem: str, file_offset: int) -> SourceError:
        return super()._error(problem, self._start + file_offset)


class Checked(Source):
    """A member whose size and CRC-32 are checked at its end."""

    def __init__(self, part: StoredSlice, form: Format | None, size: int, crc: int) -> None:
        """`form` is None for a stored member."""
        self._inner = Unpacked(part, form) if form else PlainSource(part)
        self._part, self._size, self._expected = part, size, crc
        self._done = self._crc = 0

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the slice that were read."""
        return self._inner.bytes_done

    @property
    def stored(self) -> StoredSlice | None:
        """Where the data is, if it is not compressed."""
        return self._part if isinstance(self._inner, PlainSource) else None

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source."""
        size = self._inner.readinto(buffer)
        self._crc = isal_zlib.crc32(buffer[:size], self._crc)
        self._done += size
        if self._done > self._size:
            raise self._error(f"has more than the stated {self._size} bytes")
        if buffer and not size:
            if self._done < self._size:
                raise self._error(f"has {self._done} bytes instead of {self._size}")
            if self._crc != self._expected:
                raise self._error("has a wrong checksum (CRC-32)")
        return size

    def close(self) -> None:
        """Close the file."""
        self._inner.close()

    def _error(self, problem: str) -> SourceError:
        return SourceError(f"a member {problem}", self._part.start + self.bytes_done, self._done)
