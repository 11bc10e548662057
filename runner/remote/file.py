"""A file behind a URL, read by ranges of its bytes and ahead of whoever takes them.

    GET, Range: 64 MiB ──▶ pieces of 1 MiB ──▶ at most 16 ahead ──▶ readinto

A connection that breaks is made again, from the byte that is next.
"""

import io
from collections.abc import Iterator
from contextlib import closing

from runner.analysis.input.read_ahead import ReadAhead
from runner.remote.ranges import PIECE_BYTES, RemoteLocation, RetryBudget, TransientError

RANGE_BYTES = 64 << 20
_PIECES_AHEAD = 16


class RemoteFile:
    """A file of a known size in bytes. A process that was forked may open it, too: each reader has
    a connection of its own."""

    def __init__(self, url: str, size: int) -> None:
        self._place = RemoteLocation(url, size)
        self.size = size

    def modified(self) -> float:
        """When it was stored, in seconds since 1970: a look at whether it can be had.

        Raises RemoteError.
        """
        patience = RetryBudget()
        with closing(self._place.connect()) as ranges:
            while True:
                try:
                    return ranges.modified()
                except TransientError as error:
                    patience.wait(error)

    def open(self, start: int = 0, end: int | None = None) -> "RemoteReader":
        """Its bytes from `start` on; none behind `end` are fetched."""
        return RemoteReader(self._place, start, self.size if end is None else end)


class RemoteReader(io.RawIOBase):
    """Bytes as of a file, fetched when they are first asked for. Reading raises RemoteError."""

    def __init__(self, place: RemoteLocation, start: int, end: int) -> None:
        super().__init__()
        self._place = place
        self._at, self._end = start, min(end, place.size)
        self._piece = memoryview(b"")
        self._ahead: ReadAhead | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, though what was fetched ahead is lost."""
        return True

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go elsewhere; the new offset."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._place.size}[whence]
        if base + offset != self._at:
            self._stop()
            self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # has to be one
        """Up to a piece of the next bytes."""
        view = memoryview(buffer).cast("B")
        if not self._piece and len(view):
            self._piece = memoryview(self._next_piece())
        size = min(len(view), len(self._piece))
        view[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        self._at += size
        return size

    def close(self) -> None:
        """Fetch no more."""
        self._stop()
        super().close()

    def _next_piece(self) -> bytes:
        if self._at >= self._end:
            return b""
        if self._ahead is None:
            pieces = _pieces(self._place, self._at, self._end)
            if self._end - self._at <= PIECE_BYTES:
                return b"".join(pieces)  # not worth a thread
            self._ahead = ReadAhead(pieces, _PIECES_AHEAD)
        return next(self._ahead, b"")

    def _stop(self) -> None:
        self._piece = memoryview(b"")
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None


def _pieces(place: RemoteLocation, at: int, end: int) -> Iterator[bytes]:
    """The bytes from one offset to another. Raises RemoteError."""
    patience = RetryBudget()
    with closing(place.connect()) as ranges:
        while at < end:
            try:
                for piece in ranges.fetch(at, min(at + RANGE_BYTES, end)):
                    yield piece
                    at += len(piece)
                    patience.renew()
            except TransientError as error:
                patience.wait(error)
