"""A connection whose simple requests are answered without Tornado.

              ┌─ simple ─▶ fast path ─▶ socket; then the next request is awaited
socket ─▶ received
              └─ other, or slow to arrive ─▶ Tornado reads it from the first byte

Tornado keeps waiting for a head all the while, so it can take over at any request.
"""

import asyncio
import socket
from collections.abc import Callable

from server.http.connections.connection import (
    HEAD_BYTES,
    MAX_EARLY_EVENTS,
    ClientDelay,
    ClientPace,
    Connection,
)
from server.http.fast_path.path import FastPath, Request


class FastConnection(Connection):
    """The connection of a client at an address. `on_close` is called once it is closed."""

    def __init__(
        self,
        client: socket.socket,
        address: str,
        fast_path: FastPath,
        on_close: Callable[[Connection], None],
    ):
        super().__init__(client, address, on_close)
        self._fast_path = fast_path
        self._received = b""
        """Bytes read from the socket that are neither answered nor passed to Tornado yet."""
        self._handling: asyncio.Task[None] | None = None
        self._is_get = False
        """Whether the request that is being handled changes nothing."""

    @property
    def head_wait_seconds(self) -> float:
        """How long the next head has been awaited. 0 if none is awaited."""
        return 0.0 if self._handling else super().head_wait_seconds

    def is_idle(self) -> bool:
        """Whether no request is handled, and the client has sent no part of the next one."""
        return not self._handling and not self._received and super().is_idle()

    def check_pace(self, seconds: float, pace: ClientPace) -> ClientDelay | None:
        """Return what the client is too slow with, or None. The last check was `seconds` ago.

        A request that has arrived only in part is passed to Tornado.
        """
        if self._handling:
            return None
        if self._received:
            self._pass_to_tornado()
        return super().check_pace(seconds, pace)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read the bytes already received first, then the bytes in the socket. Returns their
        number."""
        if not self._received:
            return super().read_from_fd(buf)
        size = min(len(buf), len(self._received))
        buf[:size] = self._received[:size]
        self._received = self._received[size:]
        return size

    def close_fd(self) -> None:
        """Close the socket. A GET under way is canceled, since its response would be lost."""
        super().close_fd()
        if self._handling:
            self._fast_path.activity.request_finished()
            if self._is_get:
                self._handling.cancel()

    def try_read(self) -> None:
        """Wait for the socket instead of reading at once, so that `_receive` sees a head first."""
        if self._is_head_awaited() and not self._received:
            self.require_open()
            self.await_readable()
        else:
            super().try_read()

    def _is_head_awaited(self) -> bool:
        """Whether Tornado is waiting for a head, and has read and written everything else."""
        is_busy = self.has_buffered() or self.writing()
        return self._in_head and self.reading() and not is_busy

    def on_events(self, events: int) -> None:
        """Read a request for the fast path where one is awaited."""
        if self._handling:
            self._delay_next_request()
        elif events == self.io_loop.READ and self._is_head_awaited():
            self._receive()
        else:
            super().on_events(events)

    def _receive(self) -> None:
        try:
            data = self.socket.recv(HEAD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.bytes_received += len(data)
        self._received += data
        request = self._fast_path.read(self._received) if data else None
        if request is None:
            self._pass_to_tornado()  # also at the end of the connection
        elif request.is_whole:
            self._received, self._is_get = b"", request.method == "GET"
            self._fast_path.activity.request_started()
            self._handling = asyncio.get_running_loop().create_task(self._handle(request))

    def _pass_to_tornado(self) -> None:
        super().on_events(self.io_loop.READ)

    async def _handle(self, request: Request) -> None:
        response = await self._fast_path.handle(request, self._address)
        self._handling = None
        if not self.closed():
            self._fast_path.activity.request_finished()
            self._send(response, request.headers.closes)

    def _send(self, response: bytes, closes: bool) -> None:
        try:
            sent = self.socket.send(response)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.close(exc_info=error)
            return
        self.bytes_sent += sent
        if sent == len(response):
            self._end_request(closes)
        else:
            written = self.write(memoryview(response)[sent:])
            written.add_done_callback(lambda _: self._end_request(closes))

    def _end_request(self, closes: bool) -> None:
        if closes:
            self.close()
        elif not self.closed():
            self._await_head()
            self.await_readable()

    def _delay_next_request(self) -> None:
        """Do not read yet: the client has sent more before the response, or has closed."""
        if self._is_closed_by_client():
            self.close()
        elif self._early_events < MAX_EARLY_EVENTS:
            self._early_events += 1
        else:
            self.ignore_readable()
