"""Access points of a gzip file: copies of the decoder at some offsets, from which it goes on.

    file ──▶ decoder of zlib ──▶ data          every 16 MiB of data, a copy of the decoder is kept
                └─ copy ─ copy ─ copy ─▶ …     a later reader begins at the last copy before it

A copy takes about 45 KB. It stays in memory, because Python's zlib does not stop at the borders of
blocks, where a copy could be stored as 32 KiB of data. ISA-L decodes three to four times as fast,
but its decoder cannot be copied. So only large files have access points.
"""

import bisect
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runner.analysis.input.formats import GZIP
from runner.analysis.input.open_source import CompressedSource, DecompressionLimits, PiecedSource
from runner.analysis.input.stored import Stored, open_stored

MIN_FILE_BYTES = 4 << 20
"""Smaller files have no access points: they are decoded in less than 0.1 s."""
SPACING_BYTES = 16 << 20
MAX_POINTS = 64
"""With more points, every second one is dropped, and the spacing is doubled."""
_CHUNK_BYTES = 32 << 10
_PIECE_BYTES = 256 << 10
_GZIP_FORMAT = 31  # of zlib: the largest window, and a gzip header


@dataclass(frozen=True)
class _Point:
    """The state of a reader: a copy of its decoder, None between two members.

    `data_offset` is that of the next byte of data, `file_offset` that of the input behind `rest`.
    """

    data_offset: int
    file_offset: int
    rest: bytes
    decoder: Any


@dataclass
class GzipPoints:
    """The access points of one file, in ascending order."""

    points: list[_Point] = field(default_factory=lambda: [_Point(0, 0, b"", None)])
    spacing: int = SPACING_BYTES

    def before(self, offset: int) -> _Point:
        """The last point that is not behind an offset of the data."""
        at = bisect.bisect_right(self.points, offset, key=lambda each: each.data_offset)
        return self.points[at - 1]

    def is_due(self, offset: int) -> bool:
        """Whether a reader at this offset should add a point."""
        return offset >= self.points[-1].data_offset + self.spacing

    def add(self, point: _Point) -> None:
        """Add a point behind all others."""
        self.points.append(point)
        if len(self.points) > MAX_POINTS:
            self.spacing *= 2
            self.points = self.points[::2]


class GzipSource(PiecedSource):
    """The data of a gzip file from the last access point before an offset on.

    It makes further points where there are none yet. If the file is damaged, it gives the same data
    and the same error as CompressedSource.
    """

    def __init__(self, file: Stored, points: GzipPoints, offset: int) -> None:
        """Begins at `start`, which is not behind `offset`. Raises OSError."""
        super().__init__(self._pieces_of_file())
        self._stored, self._points = file, points
        point = points.before(offset)
        self.start = self._offset = point.data_offset
        self._decoder: Any = point.decoder.copy() if point.decoder else None
        self._rest, self._file_offset = point.rest, point.file_offset
        self._has_more = self._decoder is not None  # perhaps it holds data back
        self._file = open_stored(file, point.file_offset)
        self._others: list[CompressedSource] = []

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the file that were read."""
        return self._file_offset

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        for each in self._others:
            each.close()

    def _pieces_of_file(self) -> Iterator[bytes]:
        while self._begin_member():
            chunk = self._rest
            if not chunk and not self._has_more:
                chunk = self._read()
            self._rest = b""
            try:
                is_cut = not chunk and not self._has_more
                piece = b"" if is_cut else self._decoder.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                is_cut = True
            if is_cut:
                yield from self._data_before_damage()
                return
            self._has_more = len(piece) == _PIECE_BYTES
            self._offset += len(piece)
            yield from self._after(piece)

    def _begin_member(self) -> bool:
        """Have a decoder for the next input; return False at the end of the file."""
        while self._decoder is None:
            chunk = self._rest or self._read()
            if not chunk:
                return False
            self._rest = chunk.lstrip(b"\0")  # padding between members
            if self._rest:
                self._decoder, self._has_more = zlib.decompressobj(_GZIP_FORMAT), False
        return True

    def _after(self, piece: bytes) -> Iterator[bytes]:
        """Yield a piece, keep the input that is left, and add a point if one is due."""
        decoder = self._decoder
        self._rest = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        if decoder.eof:
            self._decoder = None
        if self._points.is_due(self._offset):
            copy = None if self._decoder is None else self._decoder.copy()
            self._points.add(_Point(self._offset, self._file_offset, self._rest, copy))
        if piece:
            yield piece

    def _read(self) -> bytes:
        chunk = self._file.read(_CHUNK_BYTES) or b""
        self._file_offset += len(chunk)
        return chunk

    def _data_before_damage(self) -> Iterator[bytes]:
        """Yield the data from here on up to the damage. Raises SourceError with its place."""
        other = CompressedSource(self._stored, GZIP, DecompressionLimits())
        self._others.append(other)
        left, buffer = self._offset, memoryview(bytearray(_PIECE_BYTES))
        while left and (size := other.readinto(buffer[:left])):
            left -= size
        while size := other.readinto(buffer):
            yield bytes(buffer[:size])
