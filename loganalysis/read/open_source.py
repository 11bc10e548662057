"""Opens a stored file as a stream of bytes, and decompresses it if needed.

    file ──first bytes──▶ format ─┬─ plain ────────────────────────────▶ readinto(window)
                                  └─ gzip, zstd, xz, bzip2 ──members──▶ pieces ──▶ readinto(window)

The name of the file does not matter. A source yields every byte that it can before it raises an
error, and a truncated file is an error. So a count is never silently wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Protocol, Self

from loganalysis.read.errors import AnalysisError, SourceError
from loganalysis.read.formats import GZIP, Decoder, Format, format_of, pieces_of
from loganalysis.read.mapped import MappedFile, map_file
from loganalysis.read.stored import Stored, open_stored, size_of

_SKIP_BYTES = 64 << 10


@dataclass(frozen=True)
class DecompressionLimits:
    """Limits for decompressed data; a file that exceeds them raises SourceError."""

    max_total_bytes: int | None = None  # None for any size
    max_ratio: int = 1000  # data bytes for each file byte; logs have about 20
    ratio_from_bytes: int = 1 << 30  # the ratio is not checked below: that takes about a second
    max_members: int = 100_000  # of an archive, with directories and links

    def problem(self, data_bytes: int, file_bytes: int) -> str:
        """Say which limit this much data from so many bytes of a file exceeds, "" if none."""
        if self.max_total_bytes is not None and data_bytes > self.max_total_bytes:
            return f"the data is more than {self.max_total_bytes} bytes: split the file"
        if data_bytes > max(self.ratio_from_bytes, file_bytes * self.max_ratio):
            return f"the data is more than {self.max_ratio} times its file: send it less compressed"
        return ""


class Recorder(Protocol):
    """Makes decoders for gzip members that take note of something while they decode."""

    def decoder(self, file_offset: int) -> Decoder:
        """A decoder for the member that begins at an offset of the file."""


class Source(ABC):
    """A stream of bytes from a file, read once from start to end."""

    @property
    @abstractmethod
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read, for progress reports."""

    @abstractmethod
    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next bytes. Fewer are read only at the end; 0 is the end.

        Raises SourceError after all data before the error was read, and again at each call.
        """

    def skip(self, size: int) -> int:
        """Read and drop the next bytes. Fewer are skipped only at the end. Raises SourceError."""
        buffer = memoryview(bytearray(min(size, _SKIP_BYTES)))
        skipped = 0
        while skipped < size and (read := self.readinto(buffer[: size - skipped])):
            skipped += read
        return skipped

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PlainSource(Source):
    """A file whose bytes are the data, or the part of it from one offset to another."""

    is_valid = False
    """The bytes are not known to be valid UTF-8, see window.Reader."""

    def __init__(self, file: Stored, start: int = 0, end: int | None = None) -> None:
        self._start, self._end = start, size_of(file) if end is None else end
        self._file = open_stored(file, start, self._end)
        self._consumed = 0

    @property
    def bytes_done(self) -> int:
        """The number of bytes read so far."""
        return self._consumed

    def mapped(self) -> MappedFile | None:
        """The part, mapped into memory, to be used instead of `readinto`; None if not possible."""
        is_local = isinstance(self._file, FileIO)
        return map_file(self._file.fileno(), self._start, self._end) if is_local else None

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source. Raises SourceError if the file was shortened."""
        filled, missing = 0, self._end - self._start - self._consumed
        buffer = buffer[:missing]
        while filled < len(buffer) and (size := self._file.readinto(buffer[filled:])):
            filled += size
        self._consumed += filled
        if buffer and not filled:
            raise SourceError("the file was cut while it was read", self._consumed, self._consumed)
        return filled

    def skip(self, size: int) -> int:
        """Move over the next bytes without reading them, see Source."""
        size = min(size, self._end - self._start - self._consumed)
        self._consumed += size
        self._file.seek(self._start + self._consumed)
        return size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PiecedSource(Source):
    """A source whose data comes from an iterator, in pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._failure: AnalysisError | None = None

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer from the next pieces, see Source."""
        filled = 0
        while filled < len(buffer) and self._has_data(filled):
            size = min(len(self._piece), len(buffer) - filled)
            buffer[filled : filled + size] = self._piece[:size]
            self._piece = self._piece[size:]
            filled += size
        return filled

    def _has_data(self, filled: int) -> bool:
        """Whether there is more data. Raises an error only after the data before it was read."""
        try:
            while not self._piece and self._failure is None:
                self._piece = memoryview(next(self._pieces))
        except StopIteration:
            return False
        except AnalysisError as error:
            self._failure = error
        if self._failure is not None and not filled:
            raise self._failure
        return self._failure is None


class CompressedSource(PiecedSource):
    """A compressed file as one stream of data, member after member.

        chunk of the file ──decoder of this member──▶ pieces of bounded size
              ▲                     │
              └───── unused ◀───────┘ at the end of a member: padding, or the next member

    Zero bytes between and after members are padding. A decoder that fails drops data that it has
    just decoded. Then the member is decoded once more, at the end byte by byte. That yields all
    data before the damage, and the offset of the damage.
    """

    def __init__(
        self,
        file: Stored,
        compressed_format: Format,
        limits: DecompressionLimits,
        recorder: Recorder | None = None,
    ) -> None:
        """`recorder` makes the decoders, and sees what they decode."""
        super().__init__(self._members())
        self._recorder = recorder
        self._file = open_stored(file)
        self._format = compressed_format
        self._limits = limits
        self._unused = b""  # read from the file, but not yet decoded
        self._file_offset = 0  # of the next byte to decode
        self._data_bytes = 0  # decoded so far

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the file that were decoded."""
        return self._file_offset

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _members(self) -> Iterator[bytes]:
        while self._skip_padding():
            for piece in self._member():
                yield self._checked_piece(piece)
                self._data_bytes += len(piece)

    def _skip_padding(self) -> bool:
        """Skip zero bytes up to the next member; return False at the end of the file."""
        while chunk := self._next_chunk():
            if member := chunk.lstrip(b"\0"):
                self._put_back(member)
                return True
        return False

    def _member(self) -> Iterator[bytes]:
        start, size, recorder = self._file_offset, 0, self._recorder
        decoder = recorder.decoder(start) if recorder else self._format.new_decoder()
        while not decoder.eof:
            chunk_at = self._file_offset
            chunk = self._next_chunk()
            if not chunk:
                raise self._error(f"the {self._format.name} data is cut short", chunk_at)
            try:
                for piece in pieces_of(decoder, chunk, self._format.piece_bytes):
                    size += len(piece)
                    yield piece
            except self._format.errors:
                yield from self._decode_again(start, chunk_at, size)
        self._put_back(decoder.unused_data)

    def _decode_again(self, start: int, chunk_at: int, skip: int) -> Iterator[bytes]:
        """Decode the member again that failed in the chunk at `chunk_at`, without its first `skip`
        bytes of data.

        Always raises SourceError in the end, with the offset of the damage.
        """
        decoder = self._format.new_decoder()
        self._file.seek(start)
        self._unused, self._file_offset = b"", start
        try:
            while chunk := self._read(self._bytes_to_read(chunk_at - self._file_offset)):
                for piece in pieces_of(decoder, chunk, self._format.piece_bytes):
                    if new_bytes := piece[skip:]:
                        yield new_bytes
                    skip = max(skip - len(piece), 0)
                self._file_offset += len(chunk)
        except self._format.errors as error:
            raise self._error(self._format.problem(error), self._file_offset) from None
        problem = f"the {self._format.name} data changed while it was read"
        raise self._error(problem, self._file_offset)

    def _bytes_to_read(self, distance: int) -> int:
        """How many bytes to read: chunks up to the failed one, then single bytes."""
        return max(min(self._format.chunk_bytes, distance), 1)

    def _checked_piece(self, piece: bytes) -> bytes:
        """Return the piece. Raises SourceError if the data exceeds a limit (a zip bomb)."""
        if problem := self._limits.problem(self._data_bytes + len(piece), self._file_offset):
            raise self._error(problem, self._file_offset)
        return piece

    def _error(self, problem: str, file_offset: int) -> SourceError:
        return SourceError(problem, file_offset, self._data_bytes)

    def _next_chunk(self) -> bytes:
        """The next bytes of the file, b"" at its end."""
        chunk = self._unused or self._read(self._format.chunk_bytes)
        self._unused = b""
        self._file_offset += len(chunk)
        return chunk

    def _read(self, size: int) -> bytes:
        return self._file.read(size) or b""

    def _put_back(self, unused: bytes) -> None:
        self._unused = unused
        self._file_offset -= len(unused)


def open_source(
    file: Stored, limits: DecompressionLimits | None = None, recorder: Recorder | None = None
) -> Source:
    """Open a file in the format that its first bytes tell. Raises OSError.

    `recorder` sees what is decoded, if it is a gzip file.
    """
    form = format_of(file)
    if form is None:
        return PlainSource(file)
    limits = limits or DecompressionLimits()
    return CompressedSource(file, form, limits, recorder if form is GZIP else None)
