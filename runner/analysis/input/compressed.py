"""A compressed file as one stream, member after member.

    chunk of the file ──decoder of this member──▶ pieces, each bounded
          ▲                     │
          └───── unused ◀───────┘ at its end: padding, or the next member

A decoder that fails keeps back what it had just decoded. The member is then decoded once more,
at the end byte by byte, so that all data before the damage is given and its place is known.
"""

from collections.abc import Iterator

from runner.analysis.input.formats import Decoder, Format
from runner.analysis.input.read_ahead import ReadAhead
from runner.analysis.input.source import DecompressionLimits, PiecedSource, SourceError
from runner.analysis.input.stored import Stored, open_stored, size_of


class CompressedSource(PiecedSource):
    """The data of all members of a file. Zeros between and after them are padding."""

    def __init__(
        self, file: Stored, form: Format, limits: DecompressionLimits, ahead: bool = False
    ) -> None:
        """`ahead`: whether a thread is to decode while others work on what it has decoded."""
        self._file = open_stored(file)
        self.bytes_total = size_of(file)
        self.format = form.name
        self._form = form
        self._limits = limits
        self._rest = b""  # read from the file, not yet taken
        self._at = 0  # offset in the file of the next byte to take
        self._given = 0  # bytes of data
        self._ahead = ReadAhead(self._members()) if ahead else None
        super().__init__(self._ahead or self._members())

    @property
    def bytes_done(self) -> int:
        """How many bytes of the file the decoder took."""
        return self._at

    def close(self) -> None:
        """Close the file."""
        if self._ahead:
            self._ahead.close()
        self._file.close()

    def _members(self) -> Iterator[bytes]:
        while self._skip_padding():
            for piece in self._member():
                yield self._bounded(piece)
                self._given += len(piece)

    def _skip_padding(self) -> bool:
        """Go to the next member; False at the end of the file."""
        while chunk := self._take():
            if member := chunk.lstrip(b"\0"):
                self._put_back(member)
                return True
        return False

    def _member(self) -> Iterator[bytes]:
        start, size = self._at, 0
        decoder = self._form.new_decoder()
        while not decoder.eof:
            chunk_at = self._at
            chunk = self._take()
            if not chunk:
                raise self._error(f"the {self.format} data is cut short", chunk_at)
            try:
                for piece in self._pieces_of(decoder, chunk):
                    size += len(piece)
                    yield piece
            except self._form.errors:
                yield from self._again(start, chunk_at, size)
        self._put_back(decoder.unused_data)

    def _pieces_of(self, decoder: Decoder, chunk: bytes) -> Iterator[bytes]:
        """All that a decoder gives for a chunk."""
        while True:
            piece = decoder.decompress(chunk, self._form.piece_bytes)
            if piece:
                yield piece
            if decoder.eof or decoder.needs_input or not (piece or chunk):
                return
            chunk = b""

    def _again(self, start: int, chunk_at: int, skip: int) -> Iterator[bytes]:
        """Decode the member that fails in the chunk at `chunk_at`, but for its first `skip` bytes.

        Raises the SourceError that is due.
        """
        decoder = self._form.new_decoder()
        self._file.seek(start)
        self._rest, self._at = b"", start
        try:
            while chunk := self._read(self._within(chunk_at - self._at)):
                for piece in self._pieces_of(decoder, chunk):
                    if fresh := piece[skip:]:
                        yield fresh
                    skip = max(skip - len(piece), 0)
                self._at += len(chunk)
        except self._form.errors as error:
            raise self._error(self._form.problem(error), self._at) from None
        raise self._error(f"the {self.format} data changed while it was read", self._at)

    def _within(self, distance: int) -> int:
        """How much to read on the way to a chunk, and in it."""
        return max(min(self._form.chunk_bytes, distance), 1)

    def _bounded(self, piece: bytes) -> bytes:
        """The piece, unless the data becomes more than a bomb may have."""
        total = self._given + len(piece)
        most = self._limits.max_total_bytes
        if most is not None and total > most:
            raise self._error(f"the data is more than {most} bytes (MAX_DATA_BYTES)", self._at)
        if total > max(self._limits.ratio_from_bytes, self._at * self._limits.max_ratio):
            most = self._limits.max_ratio
            raise self._error(
                f"the data is more than {most} times its file (MAX_DATA_RATIO)", self._at
            )
        return piece

    def _error(self, problem: str, file_offset: int) -> SourceError:
        return SourceError(problem, file_offset, self._given)

    def _take(self) -> bytes:
        """The next bytes of the file, b"" at its end."""
        chunk = self._rest or self._read(self._form.chunk_bytes)
        self._rest = b""
        self._at += len(chunk)
        return chunk

    def _read(self, size: int) -> bytes:
        return self._file.read(size) or b""

    def _put_back(self, rest: bytes) -> None:
        self._rest = rest
        self._at -= len(rest)
