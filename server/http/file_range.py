"""A part of an open file, which the kernel copies into the socket of a client (sendfile).

    event loop ──▶ thread: sendfile until the socket is full ──▶ event loop waits for room ──▶ …

A thread copies, because reading a file may block on the disk. It waits at most ROOM_MS for a
client, and only for a fast one: going back to the event loop takes longer.
Imports nothing of ours.
"""

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import Callable
from concurrent.futures import Executor

TURN_BYTES = 16 * 1024**2
"""Most bytes that a thread sends before it is free for another download."""
FAST_BYTES = 1024**2
"""A client that has taken so much in one turn is a fast one."""
ROOM_MS = 5
_CALL_BYTES = 1024**2
"""Most bytes of one system call: a stopped download ends after it."""


class FileRange:
    """Sends a part of a file once. Its length is the number of its bytes.

    It takes the place of bytes in `HTTPConnection.write`, which measures it and passes it on to
    `Connection.write`.
    """

    def __init__(self, file: int, start: int, size: int, threads: Executor):
        """`file` is an open descriptor, which must stay open until `wait` returns."""
        self._file, self._at, self._size = file, start, size
        self._end = start + size
        self._threads = threads
        self._client: socket.socket | None = None
        self.sending: asyncio.Task[None] | None = None
        """The task that sends. None before it begins, and if the connection was closed before."""
        self._stopped = False
        self.waits_for_client = False
        """Whether the socket is full, so that only the client can go on."""

    def __len__(self) -> int:
        return self._size

    async def wait(self) -> bool:
        """Wait until no thread uses the file. Return whether all of the part was sent."""
        if self.sending:
            await asyncio.wait([self.sending])
        return self._at == self._end

    def stop(self) -> None:
        """End a sending under way, because its connection was closed."""
        self._stopped = True
        if self._client:
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)

    async def send(self, client: socket.socket, count: Callable[[int], None]) -> None:
        """Send to a socket that does not block. `count` gets the bytes of each turn.

        Raises OSError if the client is gone, or if the file is shorter than expected.
        """
        loop = asyncio.get_running_loop()
        # The copy keeps its number until it is closed here. If the connection is closed before,
        # another client's socket may already have the number of the connection's socket.
        self._client = client.dup()
        try:
            while self._at < self._end and not self._stopped:
                before = self._at
                await loop.run_in_executor(self._threads, self._send_turn, self._client.fileno())
                count(self._at - before)
                if self.waits_for_client:
                    await self._room(loop, self._client.fileno())
        finally:
            self._client.close()
            self._client = None

    def _send_turn(self, client: int) -> None:
        """Send until the socket is full, the part is sent, or TURN_BYTES are."""
        start, end = self._at, min(self._end, self._at + TURN_BYTES)
        while self._at < end and not self._stopped:
            try:
                sent = os.sendfile(client, self._file, self._at, min(_CALL_BYTES, end - self._at))
            except BlockingIOError:
                if self._at - start >= FAST_BYTES and _has_room(client):
                    continue
                self.waits_for_client = True
                return
            if not sent:
                raise OSError("the file is shorter than when it was stored")
            self._at += sent

    async def _room(self, loop: asyncio.AbstractEventLoop, client: int) -> None:
        """Wait until the socket has room, or the connection is closed."""
        room = asyncio.Event()
        loop.add_writer(client, room.set)
        try:
            await room.wait()
        finally:
            loop.remove_writer(client)
            self.waits_for_client = False


def _has_room(client: int) -> bool:
    """Wait up to ROOM_MS until the socket has room, or is closed. Returns whether it has."""
    poll = select.poll()
    poll.register(client, select.POLLOUT)
    return bool(poll.poll(ROOM_MS))
