"""The output of a call: from its process through a pipe and its keeper to the pool.

    job process ──stdout, stderr──▶ pipe ──▶ OutputPipe (keeper) ──▶ Calls (pool) ──▶ UnstoredOutput

Each stage keeps a limited number of bytes. If output arrives faster than it is forwarded, the
middle is dropped.
"""

import contextlib
import fcntl
import io
import logging
import math
import os
import select
import socket
import sys
import termios
import time

from runner.pool.protocol import messages

Piece = tuple[int, bytes]
"""A piece of a call's output: the position of its first byte, and its bytes."""

LOG_BYTES = 65536
_PIPE_BYTES = 65536
_MAX_READS = 4
"""Reads of the pipe per wake-up. The limit keeps a flood of output from delaying a kill order."""
_PAUSE_SECONDS = 0.01
"""The pause between two reads of the pipe, unless it fills up faster."""
_FORWARD_SECONDS = 0.25
"""The minimum time between two output messages."""
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OutputPipe:
    """The pipe that a job process prints to, as its keeper reads it, call after call."""

    def __init__(self, max_bytes: int):
        """`max_bytes` limits the output that waits to be forwarded; 0 means that there is no pipe.

        Raises OSError.
        """
        self._read_end = self.write_end = -1
        if max_bytes:
            # The keeper holds the write end, too: a job that closes its copies ends no pipe.
            self._read_end, self.write_end = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self._read_end, False)
        self._max_bytes = max_bytes
        self._next_forward_at, self._resume_at = 0.0, math.inf
        self._size = bytearray(4)
        self._begin()

    def limit(self, max_bytes: int) -> None:
        """Set how much output of the next call waits to be forwarded."""
        self._max_bytes = max_bytes

    def register(self, poll: select.poll) -> None:
        """Let `poll` wake when the pipe is readable."""
        self._resume_at = math.inf
        if self._read_end >= 0:
            poll.register(self._read_end, select.POLLIN)

    def on_readable(self, descriptor: int, poll: select.poll) -> None:
        """Read the pipe if `descriptor` belongs to it.

        Afterwards the pipe is not polled for a moment, or each line would wake the keeper.
        """
        if descriptor == self._read_end and self._read(_MAX_READS) <= _PIPE_BYTES // 2:
            poll.unregister(self._read_end)
            self._resume_at = time.monotonic() + _PAUSE_SECONDS

    def next_due(self, poll: select.poll) -> float:
        """Return the monotonic time at which polling resumes or output is to be forwarded.

        Resumes polling if it is time.
        """
        if self._resume_at != math.inf and self._resume_at <= time.monotonic():
            self.register(poll)
        return min(self._resume_at, self._next_forward_at) if self._pending else self._resume_at

    def _read(self, max_reads: int) -> int:
        """Read the pipe at most this often; returns the size of the largest read."""
        largest = 0
        with contextlib.suppress(BlockingIOError):
            for _ in range(max_reads):
                data = os.read(self._read_end, _PIPE_BYTES)
                self._pending += data
                largest = max(largest, len(data))
        surplus = len(self._pending) - self._max_bytes
        if surplus > 0:
            if self._position == 0:
                self._start = bytes(self._pending[: self._max_bytes // 4])
            del self._pending[:surplus]
            self._position += surplus
        return largest

    def forward(self, channel: socket.socket, call_id: str) -> None:
        """Send the complete lines to the pool, if it is time and the channel is not full."""
        if not self._pending or (now := time.monotonic()) < self._next_forward_at:
            return
        self._next_forward_at = now + _FORWARD_SECONDS
        end = 1 + max(self._pending.rfind(b"\n"), self._pending.rfind(b"\r"))
        if end or len(self._pending) == self._max_bytes:
            with contextlib.suppress(OSError):
                self._send(channel, call_id, end or self._max_bytes, nonblocking=True)

    def finish(self, channel: socket.socket, call_id: str) -> None:
        """Send the rest of the output of a call that has ended.

        The rest is lost if the pool is gone or there are too few descriptors.
        """
        self._drain()
        if self._pending:
            with contextlib.suppress(OSError):
                self._send(channel, call_id, len(self._pending))
        if self._position or self._pending:
            self._begin()

    def close(self) -> None:
        """Close the pipe once no process writes to it. `finish` still sends what it contained."""
        self._drain()
        for end in {self._read_end, self.write_end} - {-1}:
            os.close(end)
        self._read_end = self.write_end = -1

    def _drain(self) -> None:
        if self._read_end >= 0:
            # FIONREAD is faster than a read of an empty pipe, which raises an exception.
            fcntl.ioctl(self._read_end, termios.FIONREAD, self._size)
            if any(self._size):
                self._read(sys.maxsize)

    def _begin(self) -> None:
        self._pending = bytearray()
        self._position = 0  # of the first pending byte
        self._start = b""  # the start of the output, if it was dropped from the pending bytes

    def _send(
        self, channel: socket.socket, call_id: str, size: int, nonblocking: bool = False
    ) -> None:
        fields: dict[str, object] = {"kind": "output", "call_id": call_id}
        if self._start:
            messages.send(channel, {**fields, "position": 0}, self._start, nonblocking)
            self._start = b""
        fields["position"] = self._position
        messages.send(channel, fields, bytes(self._pending[:size]), nonblocking)
        del self._pending[:size]
        self._position += size


class UnstoredOutput:
    """The output of a call that is not stored yet. If it is too long, the middle is dropped."""

    def __init__(self, max_bytes: int = LOG_BYTES):
        self.max_bytes = max_bytes
        self.pieces: list[Piece] = []

    def add(self, pieces: list[Piece]) -> None:
        """Append pieces. While there are more than twice `max_bytes` bytes, drop the oldest piece
        other than the start of the output."""
        self.pieces += pieces
        while sum(len(data) for _, data in self.pieces) > 2 * self.max_bytes:
            self.pieces.pop(1 if self.pieces[0][0] == 0 else 0)


def redirect_output(descriptor: int) -> None:
    """Redirect stdout and stderr to a descriptor, which undoes changes by earlier jobs.

    Does nothing if the descriptor is negative.
    """
    if descriptor >= 0:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)


def configure_output() -> None:
    """Make stdout and stderr line-buffered, so that a crash loses no line, and log to stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    logging.basicConfig(level=logging.INFO, format=_FORMAT)
