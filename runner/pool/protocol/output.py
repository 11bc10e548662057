"""The output of a call: from its process through pipes and its keeper to the pool.

    job process ──stdout, log──▶ pipe ─┐
                ──stderr───────▶ pipe ─┴▶ OutputPipes (keeper) ──▶ Calls (pool) ──▶ UnstoredOutput

Each stage keeps a limited number of bytes. If output arrives faster than it is forwarded, the
middle is dropped.
"""

import contextlib
import fcntl
import math
import os
import select
import socket
import sys
import termios
import time

import orjson

from runner.pool.protocol import messages
from runner.pool.protocol.answers import field
from runner.pool.protocol.log_frames import OutputEnds, new_key
from runner.pool.protocol.output_buffer import OutputBuffer
from storage.records.output import Piece, Stream, compact, read_marks

LOG_BYTES = 65536
_PIPE_BYTES = 65536
_MAX_READS = 4
"""Reads of a pipe per wake-up. The limit keeps a flood of output from delaying a kill order."""
_PAUSE_SECONDS = 0.01
"""The pause between two reads of the pipes, unless one fills up faster."""
_SHORT_PAUSE_SECONDS = 0.002
"""The pause while both pipes are used, whose texts are in order only from read to read."""
_FORWARD_SECONDS = 0.25
"""The minimum time between two output messages."""
_MAX_MARK_BYTES = 100
"""More bytes than a mark has as JSON."""
_MAX_SPARE_MARKS = 1000
"""More marks than a piece has besides one for every few bytes, see `OutputBuffer`."""


class OutputPipes:
    """The pipes that a job process prints to, as its keeper reads them, call after call."""

    def __init__(self, max_bytes: int):
        """`max_bytes` limits the output that waits to be forwarded; 0 means that there are no
        pipes.

        Raises OSError.
        """
        self.ends = OutputEnds(-1, -1, new_key())
        """The keeper holds the write ends, too: a job that closes its copies ends no pipe."""
        self._streams: dict[int, Stream] = {}
        """The read ends of the pipes."""
        if max_bytes:
            self._open()
        self._buffer = OutputBuffer(max_bytes, self.ends.key)
        self._pause_seconds = _PAUSE_SECONDS
        self._next_forward_at, self._resume_at = 0.0, math.inf
        self._size = bytearray(4)

    def _open(self) -> None:
        with contextlib.ExitStack() as opened:
            write_ends: list[int] = []
            for stream in (Stream.STDOUT, Stream.STDERR):
                read_end, write_end = os.pipe2(os.O_CLOEXEC)
                for end in (read_end, write_end):
                    opened.callback(os.close, end)
                os.set_blocking(read_end, False)
                self._streams[read_end] = stream
                write_ends.append(write_end)
            opened.pop_all()
        self.ends = OutputEnds(write_ends[0], write_ends[1], self.ends.key)

    def limit(self, max_bytes: int) -> None:
        """Set how much output of the next call waits to be forwarded."""
        self._buffer.limit(max_bytes)

    def register(self, poll: select.poll) -> None:
        """Let `poll` wake when a pipe is readable."""
        self._resume_at = math.inf
        for end in self._streams:
            poll.register(end, select.POLLIN)

    def on_readable(self, descriptor: int, poll: select.poll) -> None:
        """Read the pipes if `descriptor` belongs to one.

        Afterwards they are not polled for a moment, or each line would wake the keeper.
        """
        if (
            descriptor in self._streams
            and self._resume_at == math.inf
            and self._read(_MAX_READS) <= _PIPE_BYTES // 2
        ):
            for end in self._streams:
                poll.unregister(end)
            self._resume_at = time.monotonic() + self._pause_seconds

    def next_due(self, poll: select.poll) -> float:
        """Return the monotonic time at which polling resumes or output is to be forwarded.

        Resumes polling if it is time.
        """
        if self._resume_at != math.inf and self._resume_at <= time.monotonic():
            self.register(poll)
        return min(self._resume_at, self._next_forward_at) if self._buffer else self._resume_at

    def _read(self, max_reads: int) -> int:
        """Read each pipe at most this often; returns the size of the largest read."""
        largest, now = 0, _now()
        for end, stream in self._streams.items():
            with contextlib.suppress(BlockingIOError):
                for _ in range(max_reads):
                    data = os.read(end, _PIPE_BYTES)
                    self._buffer.take(data, stream, now)
                    largest = max(largest, len(data))
                    if stream == Stream.STDERR:
                        self._pause_seconds = _SHORT_PAUSE_SECONDS
        return largest

    def forward(self, channel: socket.socket, call_id: str) -> None:
        """Send the complete lines to the pool, if it is time and the channel is not full."""
        if not self._buffer or (now := time.monotonic()) < self._next_forward_at:
            return
        self._next_forward_at = now + _FORWARD_SECONDS
        if size := self._buffer.complete_bytes():
            with contextlib.suppress(OSError):
                self._send(channel, call_id, size, nonblocking=True)

    def finish(self, channel: socket.socket, call_id: str) -> None:
        """Send the rest of the output of a call that has ended.

        The rest is lost if the pool is gone or there are too few descriptors.
        """
        self._drain()
        if self._buffer.is_used:
            self._buffer.end(_now())
            with contextlib.suppress(OSError):
                self._send(channel, call_id, len(self._buffer))
            self._buffer.begin()
            self._pause_seconds = _PAUSE_SECONDS

    def close(self) -> None:
        """Close the pipes once no process writes to them. `finish` still sends their output."""
        self._drain()
        for end in {*self._streams, self.ends.stdout, self.ends.stderr} - {-1}:
            os.close(end)
        self._streams.clear()
        self.ends = OutputEnds(-1, -1, self.ends.key)

    def _drain(self) -> None:
        for end in self._streams:
            # FIONREAD is faster than a read of an empty pipe, which raises an exception.
            fcntl.ioctl(end, termios.FIONREAD, self._size)
            if any(self._size):
                self._read(sys.maxsize)

    def _send(
        self, channel: socket.socket, call_id: str, size: int, nonblocking: bool = False
    ) -> None:
        fields: dict[str, object] = {"kind": "output", "call_id": call_id}
        if start := self._buffer.start:
            _send_piece(channel, fields, start, nonblocking)
            self._buffer.start = None
        if size:
            _send_piece(channel, fields, self._buffer.piece(size), nonblocking)
            self._buffer.drop(size)


def _now() -> int:
    return int(time.time() * 1000)


def _send_piece(
    channel: socket.socket, fields: dict[str, object], piece: Piece, nonblocking: bool
) -> None:
    sizes = {"position": piece.position, "size": len(piece.text)}
    body = piece.text + orjson.dumps(compact(piece.marks))
    messages.send(channel, {**fields, **sizes}, body, nonblocking)


def read_piece(message: messages.Message, max_bytes: int) -> Piece:
    """Return the piece in an output message that has a body, at most `max_bytes` of text.

    Frees the body. Raises ValueError.
    """
    assert message.body is not None
    try:
        position, size = (field(message.fields, name) for name in ("position", "size"))
        if size > max_bytes:
            raise ValueError(f"output of {size} bytes, more than {max_bytes}")
    except ValueError:
        messages.drop(message.body)
        raise
    max_marks = size // 8 + _MAX_SPARE_MARKS
    data = messages.read_bytes(message.body, size + max_marks * _MAX_MARK_BYTES)
    piece = Piece(position, data[:size], read_marks(orjson.loads(data[size:])))
    last = position - 1
    for mark in piece.marks:
        if not last < mark.position < piece.end:
            raise ValueError("a mark is outside of its piece, or does not follow the one before")
        last = mark.position
    return piece


class UnstoredOutput:
    """The output of a call that is not stored yet. If it is too long, the middle is dropped."""

    def __init__(self, max_bytes: int = LOG_BYTES):
        self.max_bytes = max_bytes
        self.pieces: list[Piece] = []

    def add(self, pieces: list[Piece]) -> None:
        """Append pieces. While there are more than twice `max_bytes` bytes, drop the oldest piece
        other than the start of the output."""
        self.pieces += pieces
        while sum(len(piece.text) for piece in self.pieces) > 2 * self.max_bytes:
            self.pieces.pop(1 if self.pieces[0].position == 0 else 0)
