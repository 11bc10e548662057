"""Whole lines of a stream, in blocks of up to 1 MiB.

Of a line of more than 1 MiB, only its first MiB is seen; the rest is skipped.
"""

import time
from dataclasses import dataclass, replace

from stringzilla import Str

from loganalysis.index.position import Position
from loganalysis.index.stream import Stream
from loganalysis.read.errors import SourceError

MAX_LINE_BYTES = 1 << 20
FIRST_BYTES, MOST_BYTES = 64 << 10, 1 << 20
_NEWLINE = 10


@dataclass(frozen=True)
class Block:
    """Whole lines from a position on, and the position behind them.

    The last line has no newline if it ends the data, or if its rest is skipped. With records,
    `joined` is the same data with one line for each record.
    """

    data: bytes
    position: Position
    end: Position
    joined: bytes | None = None


class Blocks:
    """Reads blocks from a position on. The stream must be at its offset."""

    def __init__(self, stream: Stream, position: Position) -> None:
        self._stream = stream
        self._size = FIRST_BYTES
        self.position = position
        """The position of the next block."""
        self.at_end = False
        """Whether all data was read that can be read."""
        self.failure: SourceError | None = None
        """Why the data could not be read to its end."""

    def next(self, deadline: float) -> Block | None:
        """The next block; None at the end of the data. Raises OSError.

        It is also None if the time is over while the rest of a line that is too long is skipped.
        """
        if self.position.mid_line and not self._skip_line(deadline):
            return None
        data = b""
        while new := self._read():
            newline = new.rfind(b"\n")
            data += new
            if newline >= 0:
                return self._block(data, len(data) - len(new) + newline + 1)
            if len(data) >= MAX_LINE_BYTES:
                return self._block(data, MAX_LINE_BYTES, is_cut=True)
        return self._block(data, len(data)) if data else None

    def go_back(self, position: Position, data: bytes) -> None:
        """Return to an earlier position. `data` is all that was read from there on."""
        self._stream.unread(data)
        self.position = position

    def _block(self, data: bytes, size: int, is_cut: bool = False) -> Block:
        if size < len(data):
            self._stream.unread(data[size:])
            data = data[:size]
        at = self.position
        lines = int(Str(data).count(b"\n"))
        self.position = Position(at.offset + size, at.line + lines, at.time, is_cut)
        return Block(data, at, self.position)

    def _read(self) -> bytes:
        try:
            data = self._stream.read(self._size)
        except SourceError as error:
            self.failure, data = error, b""
        self._size = min(self._size * 2, MOST_BYTES)
        self.at_end = not data
        return data

    def _skip_line(self, deadline: float) -> bool:
        """Skip the rest of a line that is too long; return False at the end, or without time."""
        while data := self._read():
            size = data.find(b"\n") + 1 or len(data)
            at = self.position
            self.position = replace(at, offset=at.offset + size)
            if data[size - 1] == _NEWLINE:
                self._stream.unread(data[size:])
                self.position = replace(self.position, line=at.line + 1, mid_line=False)
                return True
            if time.monotonic() > deadline:
                break
        return False
