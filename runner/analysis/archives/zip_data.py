"""The data of one zip member: decompressed in bounded memory, and checked against size and CRC."""

import io
from collections.abc import Iterator
from io import RawIOBase
from typing import Any

from isal import igzip_lib, isal_zlib

from runner.analysis.input.errors import SourceError
from runner.analysis.input.formats import BZIP2, XZ, ZSTD, Decoder, Format
from runner.analysis.input.open_source import (
    CompressedSource,
    DecompressionLimits,
    PlainSource,
    Source,
)
from runner.analysis.input.stored import Stored, modified_at, open_stored

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


class Slice:
    """A part of a stored file, as a stored file. Offsets are relative to its start."""

    def __init__(self, file: Stored, start: int, end: int) -> None:
        self._file, self.start, self._end = file, start, end

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._end - self.start

    def modified(self) -> float:
        """When the file was stored, in epoch seconds."""
        return modified_at(self._file)

    def open(self, start: int = 0, end: int | None = None) -> RawIOBase:
        """The bytes from `start` on, up to the end of the slice. Raises OSError."""
        return _SliceReader(self._file, self.start, self._end, start)


class _SliceReader(RawIOBase):
    def __init__(self, file: Stored, first: int, end: int, start: int) -> None:
        super().__init__()
        self._inner = open_stored(file, first + start, end)
        self._first, self._left, self._size = first, end - first - start, end - first

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to an offset from the start of the slice."""
        assert whence == io.SEEK_SET
        self._inner.seek(self._first + offset)
        self._left = self._size - offset
        return offset

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Read the next bytes; returns how many."""
        view = memoryview(buffer).cast("B")[: max(self._left, 0)]
        size: int = (self._inner.readinto(view) or 0) if view else 0
        self._left -= size
        return size

    def close(self) -> None:
        """Close the file."""
        self._inner.close()
        super().close()


class Unpacked(CompressedSource):
    """One compressed stream in a slice. Errors have offsets in the whole file."""

    def __init__(self, part: Slice, form: Format, is_open_ended: bool = False) -> None:
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

    def __init__(self, part: Slice, form: Format | None, size: int, crc: int) -> None:
        """`form` is None for a stored member."""
        self._inner = Unpacked(part, form) if form else PlainSource(part)
        self._part, self._size, self._expected = part, size, crc
        self._done = self._crc = 0

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the slice that were read."""
        return self._inner.bytes_done

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
