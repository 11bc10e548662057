"""Access points of a gzip file: offsets from which it can be decoded.

The points of an analysis are stored with its result, see access_points.py. Without them, a reader
makes its own while it decodes the file:

    file ──▶ decoder of zlib ──▶ data          every 16 MiB of data, a copy of the decoder is kept
                └─ copy ─ copy ─ copy ─▶ …     a later reader begins at the last copy before it

A copy takes about 45 KB, and stays in memory. ISA-L decodes three to four times as fast, but its
decoder cannot be copied. So only large files have access points.
"""

import bisect
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loganalysis.index.access_points import StoredPoint
from loganalysis.index.raw_deflate import DeflateError, RawDecoder
from loganalysis.read.errors import SourceError
from loganalysis.read.formats import GZIP
from loganalysis.read.open_source import CompressedSource, DecompressionLimits, PiecedSource
from loganalysis.read.stored import Stored, open_stored

MIN_FILE_BYTES = 4 << 20
"""Smaller files have no access points: they are decoded in less than 0.1 s."""
SPACING_BYTES = 16 << 20
MAX_POINTS = 64
"""With more points, every second one is dropped, and the spacing is doubled."""
_CHUNK_BYTES = 32 << 10
_PIECE_BYTES = 256 << 10
_GZIP_FORMAT = 31  # of zlib: the largest window, and a gzip header
_TRAILER_BYTES = 8
_MAGIC = b"\x1f\x8b\x08"


@dataclass(frozen=True)
class _Point:
    """The state of a reader: a copy of its decoder, None between two members.

    `data_offset` is where the next byte of data is, `file_offset` where the input behind `rest` is.
    If the point comes from an analysis, `stored` takes the place of the copy.
    """

    data_offset: int
    file_offset: int
    rest: bytes
    decoder: Any
    stored: StoredPoint | None = None

    def new_decoder(self) -> Any:
        """A decoder that goes on here; None between two members. Raises MarksError."""
        if self.stored is not None:
            return RawDecoder(self.stored.window(), self.stored.file_bit % 8)
        return self.decoder.copy() if self.decoder else None


@dataclass
class GzipPoints:
    """The access points of one file, in ascending order."""

    points: list[_Point] = field(default_factory=lambda: [_Point(0, 0, b"", None)])
    spacing: int = SPACING_BYTES
    is_stored: bool = False
    """Whether the points are those of an analysis, which has seen the whole file."""

    def adopt(self, points: Sequence[StoredPoint]) -> None:
        """Take the points of an analysis instead of the own ones."""
        found = [_Point(each.data_offset, each.file_bit // 8, b"", None, each) for each in points]
        self.points, self.is_stored = [_Point(0, 0, b"", None), *found], True

    def before(self, offset: int) -> _Point:
        """The last point that is not behind an offset of the data."""
        at = bisect.bisect_right(self.points, offset, key=lambda each: each.data_offset)
        return self.points[at - 1]

    def is_due(self, offset: int) -> bool:
        """Whether a reader at this offset should add a point."""
        return not self.is_stored and offset >= self.points[-1].data_offset + self.spacing

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
        self._decoder: Any = point.new_decoder()
        self._trailer_starts: tuple[int, ...] = ()  # where a trailer may begin in `_rest`
        self._limits = DecompressionLimits()
        self._rest, self._file_offset = point.rest, point.file_offset
        self._has_more = point.decoder is not None  # perhaps it holds data back
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
            except (zlib.error, DeflateError):
                is_cut = True
            if is_cut:
                yield from self._data_before_damage()
                return
            self._has_more = len(piece) == _PIECE_BYTES
            self._offset += len(piece)
            if problem := self._limits.problem(self._offset, self._file_offset):
                raise SourceError(problem, self._file_offset, self._offset)
            yield from self._after(piece)

    def _begin_member(self) -> bool:
        """Have a decoder for the next input; return False at the end of the file."""
        while self._decoder is None:
            self._skip_trailer()
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
            self._trailer_starts = getattr(decoder, "trailer_starts", ())
            self._decoder = None
        if self._points.is_due(self._offset):
            copy = None if self._decoder is None else self._decoder.copy()
            self._points.add(_Point(self._offset, self._file_offset, self._rest, copy))
        if piece:
            yield piece

    def _skip_trailer(self) -> None:
        """Skip checksum and length behind a member that was decoded from its middle on.

        They may begin at several places. At the right one, the end of the file, padding, or a new
        member follows them.
        """
        starts, self._trailer_starts = self._trailer_starts, ()
        if not starts:
            return
        needed = starts[-1] + _TRAILER_BYTES + len(_MAGIC)
        while len(self._rest) < needed and (chunk := self._read()):
            self._rest += chunk
        found = [self._rest[start + _TRAILER_BYTES :] for start in starts]
        self._rest = next((each for each in found if _is_border(each)), found[0])

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


def _is_border(data: bytes) -> bool:
    """Whether this can follow a member."""
    return not data or data[0] == 0 or data.startswith(_MAGIC[: len(data)])
