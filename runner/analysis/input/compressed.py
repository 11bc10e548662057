"""A compressed file as one stream of data, member after member.

    chunk of the file ──decoder of this member──▶ pieces of bounded size
          ▲                     │
          └───── unused ◀───────┘ at the end of a member: padding, or the next member

A decoder that fails drops data that it has just decoded. Then the member is decoded once more, at
the end byte by byte. That yields all data before the damage, and the offset of the damage.
"""

from collections.abc import Iterator

from runner.analysis.input.formats import Decoder, Format
from runner.analysis.input.source import DecompressionLimits, PiecedSource, SourceError
from runner.analysis.input.stored import Stored, open_stored, size_of


class CompressedSource(PiecedSource):
    """The data of all members of a file. Zero bytes between and after members are padding."""

    def __init__(
        self, file: Stored, compressed_format: Format, limits: DecompressionLimits
    ) -> None:
        super().__init__(self._members())
        self._file = open_stored(file)
        self.bytes_total = size_of(file)
        self.format = compressed_format.name
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
        start, size = self._file_offset, 0
        decoder = self._format.new_decoder()
        while not decoder.eof:
            chunk_at = self._file_offset
            chunk = self._next_chunk()
            if not chunk:
                raise self._error(f"the {self.format} data is cut short", chunk_at)
            try:
                for piece in self._pieces_of(decoder, chunk):
                    size += len(piece)
                    yield piece
            except self._format.errors:
                yield from self._decode_again(start, chunk_at, size)
        self._put_back(decoder.unused_data)

    def _pieces_of(self, decoder: Decoder, chunk: bytes) -> Iterator[bytes]:
        """Everything that the decoder yields for a chunk."""
        while True:
            piece = decoder.decompress(chunk, self._format.piece_bytes)
            if piece:
                yield piece
            if decoder.eof or decoder.needs_input or not (piece or chunk):
                return
            chunk = b""

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
                for piece in self._pieces_of(decoder, chunk):
                    if new_bytes := piece[skip:]:
                        yield new_bytes
                    skip = max(skip - len(piece), 0)
                self._file_offset += len(chunk)
        except self._format.errors as error:
            raise self._error(self._format.problem(error), self._file_offset) from None
        raise self._error(f"the {self.format} data changed while it was read", self._file_offset)

    def _bytes_to_read(self, distance: int) -> int:
        """How many bytes to read: chunks up to the failed one, then single bytes."""
        return max(min(self._format.chunk_bytes, distance), 1)

    def _checked_piece(self, piece: bytes) -> bytes:
        """Return the piece. Raises SourceError if the data exceeds a limit (a zip bomb)."""
        total, limits = self._data_bytes + len(piece), self._limits
        maximum = limits.max_total_bytes
        if maximum is not None and total > maximum:
            problem = f"the data is more than {maximum} bytes (MAX_DATA_BYTES)"
            raise self._error(problem, self._file_offset)
        if total > max(limits.ratio_from_bytes, self._file_offset * limits.max_ratio):
            problem = f"the data is more than {limits.max_ratio} times its file (MAX_DATA_RATIO)"
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
