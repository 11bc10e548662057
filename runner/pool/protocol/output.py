"""What a call prints: out of its process by a pipe, through its keeper, to the pool.

    job process ──stdout, stderr──▶ pipe ──▶ Output (keeper) ──▶ Calls (pool) ──▶ Pieces

Each keeps a bounded part: what comes faster than it is passed on loses its middle. Imports nothing
of ours but the pool's.
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
"""A part of what a call prints: the position of its first byte, and what it is."""

LOG_BYTES = 65536
_PIPE_BYTES = 65536
_READS = 4
"""Reads of the pipe in one turn; bounded, so that a flood delays no kill."""
_PAUSE_SECONDS = 0.01
"""Between two looks at the pipe, unless it fills up faster than that."""
_PASS_SECONDS = 0.25
"""The least time between two messages."""
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Output:
    """A keeper's end of the pipe that its job process prints to; call after call."""

    def __init__(self, most: int):
        """At most so many bytes wait to be passed on; with 0, there is no pipe. Raises OSError."""
        self._read = self.write_end = -1
        if most:
            # The other end stays open here, too: it does not end when a job closes its copies.
            self._read, self.write_end = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self._read, False)
        self._most = most
        self._next_at, self._heed_at = 0.0, math.inf
        self._size = bytearray(4)
        self._begin()

    def register(self, poll: select.poll) -> None:
        """Have it wake when something is printed."""
        self._heed_at = math.inf
        if self._read >= 0:
            poll.register(self._read, select.POLLIN)

    def heed(self, descriptor: int, poll: select.poll) -> None:
        """Take what was printed, if that is what it was woken for; and then not at once again, or
        each line would wake it."""
        if descriptor == self._read and self._hear(_READS) <= _PIPE_BYTES // 2:
            poll.unregister(self._read)
            self._heed_at = time.monotonic() + _PAUSE_SECONDS

    def due_at(self, poll: select.poll) -> float:
        """When something is to be done without being woken, by the monotonic clock."""
        if self._heed_at != math.inf and self._heed_at <= time.monotonic():
            self.register(poll)
        return min(self._heed_at, self._next_at) if self._waiting else self._heed_at

    def _hear(self, reads: int) -> int:
        """Read the pipe; how much was read at once, at most."""
        most = 0
        with contextlib.suppress(BlockingIOError):
            for _ in range(reads):
                data = os.read(self._read, _PIPE_BYTES)
                self._waiting += data
                most = max(most, len(data))
        too_many = len(self._waiting) - self._most
        if too_many > 0:
            if self._position == 0:
                self._start = bytes(self._waiting[: self._most // 4])
            del self._waiting[:too_many]
            self._position += too_many
        return most

    def pass_on(self, channel: socket.socket, token: str) -> None:
        """Send whole lines, if it is time and needs no waiting."""
        if not self._waiting or (now := time.monotonic()) < self._next_at:
            return
        self._next_at = now + _PASS_SECONDS
        end = 1 + max(self._waiting.rfind(b"\n"), self._waiting.rfind(b"\r"))
        if end or len(self._waiting) == self._most:
            with contextlib.suppress(OSError):
                self._send(channel, token, end or self._most, at_once=True)

    def finish(self, channel: socket.socket, token: str) -> None:
        """The call has ended: send the rest, unless the pool is gone or descriptors are short."""
        self._drain()
        if self._waiting:
            with contextlib.suppress(OSError):
                self._send(channel, token, len(self._waiting))
        if self._position or self._waiting:
            self._begin()

    def close(self) -> None:
        """Free the pipe, once nobody prints any more; what is in it can still be sent."""
        self._drain()
        for end in {self._read, self.write_end} - {-1}:
            os.close(end)
        self._read = self.write_end = -1

    def _drain(self) -> None:
        if self._read >= 0:
            # Asked for: to read an empty pipe raises, which takes longer.
            fcntl.ioctl(self._read, termios.FIONREAD, self._size)
            if any(self._size):
                self._hear(sys.maxsize)

    def _begin(self) -> None:
        self._waiting = bytearray()
        self._position = 0
        self._start = b""  # if what waits is without it

    def _send(self, channel: socket.socket, token: str, size: int, at_once: bool = False) -> None:
        fields: dict[str, object] = {"kind": "output", "token": token}
        if self._start:
            messages.send(channel, {**fields, "position": 0}, self._start, at_once)
            self._start = b""
        fields["position"] = self._position
        messages.send(channel, fields, bytes(self._waiting[:size]), at_once)
        del self._waiting[:size]
        self._position += size


class Pieces:
    """What a call has printed and nobody has stored yet: its start and its newest."""

    def __init__(self, most: int = LOG_BYTES):
        self.most = most
        self.parts: list[Piece] = []

    def add(self, pieces: list[Piece]) -> None:
        """What was printed next; its middle goes when it is too much."""
        self.parts += pieces
        while sum(len(data) for _, data in self.parts) > 2 * self.most:
            self.parts.pop(1 if self.parts[0][0] == 0 else 0)


def print_to(descriptor: int) -> None:
    """Let this process print there, whatever the job before has done with its descriptors."""
    if descriptor >= 0:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)


def print_by_lines() -> None:
    """Let this process print line by line, so that a crash loses none; and log as it prints."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    logging.basicConfig(level=logging.INFO, format=_FORMAT)
