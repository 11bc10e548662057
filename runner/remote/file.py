"""A file behind a URL, read by range requests in a thread that reads ahead.

    GET, Range: 64 MiB ──▶ pieces of 1 MiB ──▶ at most 16 ahead ──▶ readinto

After a broken connection, a new one continues at the next byte.
"""

import io
from collections.abc import Iterator
from contextlib import closing

from runner.remote.ranges import PIECE_BYTES, RemoteLocation, RetryBudget, TransientError
from runner.remote.read_ahead import ReadAhead

RANGE_BYTES = 64 << 20
_PIECES_AHEAD = 16


class RemoteFile:
    """A file behind a URL.

    Each reader has its own connection, so forked processes can open the file, too.
    """

    def __init__(self, url: str, size: int) -> None:
        """`size` is the size of the file in bytes; any other size is an error when reading."""
        self._location = RemoteLocation(url, size)
        self.size = size

    def modified(self) -> float:
        """Return when the file was stored, in seconds since 1970. Raises RemoteError.

        Also serves as a check that the file can be read.
        """
        retries = RetryBudget()
        with closing(self._location.connect()) as reader:
            while True:
                try:
                    return reader.modified()
                except TransientError as error:
                    retries.wait(error)

    def open(self, start: int = 0, end: int | None = None) -> "RemoteReader":
        """Open the file for reading from offset `start` to `end`, or to the end of the file."""
        return RemoteReader(self._location, start, self.size if end is None else end)


class RemoteReader(io.RawIOBase):
    """A readable, seekable stream of a remote file. Reading raises RemoteError."""

    def __init__(self, location: RemoteLocation, start: int, end: int) -> None:
        super().__init__()
        self._location = location
        self._offset, self._end = start, min(end, location.size)
        self._piece = memoryview(b"")
        self._ahead: ReadAhead | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True. A seek discards the bytes that were read ahead."""
        return True

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._offset

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to another offset, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._location.size}[whence]
        if base + offset != self._offset:
            self._stop()
            self._offset = max(base + offset, 0)
        return self._offset

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Read the next bytes, at most one piece; returns how many."""
        view = memoryview(buffer).cast("B")
        if not self._piece and len(view):
            self._piece = memoryview(self._next_piece())
        size = min(len(view), len(self._piece))
        view[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        self._offset += size
        return size

    def close(self) -> None:
        """Stop reading ahead, and close the connection."""
        self._stop()
        super().close()

    def _next_piece(self) -> bytes:
        if self._offset >= self._end:
            return b""
        if self._ahead is None:
            pieces = _pieces(self._location, self._offset, self._end)
            if self._end - self._offset <= PIECE_BYTES:
                return b"".join(pieces)  # too small for a thread
            self._ahead = ReadAhead(pieces, _PIECES_AHEAD)
        return next(self._ahead, b"")

    def _stop(self) -> None:
        self._piece = memoryview(b"")
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None


def _pieces(location: RemoteLocation, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from one offset to another, in pieces. Raises RemoteError."""
    retries = RetryBudget()
    with closing(location.connect()) as reader:
        while start < end:
            try:
                for piece in reader.fetch(start, min(start + RANGE_BYTES, end)):
                    yield piece
                    start += len(piece)
                    retries.reset()
            except TransientError as error:
                retries.wait(error)
