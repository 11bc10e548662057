"""A connection whose plain requests are answered ahead of Tornado, which goes on awaiting a head.

             ┌─ plain ─▶ fast path ─▶ socket; the next request is awaited
socket ─▶ came
             └─ not, or too slow ─▶ Tornado reads it as if it had just come
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from server.fast.parser import FastPath, Request
from server.http.client_pace import ClientDelay, ClientPace
from server.http.connection import EARLY_TURNS, HEAD_BYTES, Connection


class FastConnection(Connection):
    """The connection of a client at an address. `closed` is told of its end."""

    def __init__(
        self,
        client: socket.socket,
        address: str,
        path: FastPath,
        closed: Callable[[Connection], None],
    ):
        super().__init__(client, closed)
        self._address = address
        self._path = path
        self._came = b""
        """What was taken from the socket, and neither answered nor read by Tornado."""
        self._answering: asyncio.Task[None] | None = None
        self._only_asks = False
        """Whether the request that is answered changes nothing."""

    @property
    def waited(self) -> float:
        """See Connection."""
        return 0.0 if self._answering else super().waited

    def look(self, seconds: float, pace: ClientPace) -> ClientDelay | None:
        """See Connection; a request that comes in pieces is Tornado's from now on."""
        if self._answering:
            return None
        if self._came:
            self._hand_over()
        return super().look(seconds, pace)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """What came already is first."""
        if not self._came:
            return super().read_from_fd(buf)
        size = min(len(buf), len(self._came))
        buf[:size] = self._came[:size]
        self._came = self._came[size:]
        return size

    def close_fd(self) -> None:
        """The end; nobody has to wait for an answer that nobody gets, or to look for it."""
        super().close_fd()
        if self._answering:
            self._path.services.request_finished()
            if self._only_asks:
                self._answering.cancel()

    def _try_inline_read(self) -> None:
        """A head that Tornado awaits is looked at here first."""
        if self._is_awaited() and not self._came:
            self._check_closed()
            self._add_io_state(self.io_loop.READ)
        else:
            super()._try_inline_read()

    def _is_awaited(self) -> bool:
        """Whether nothing is under way but that Tornado awaits a head."""
        busy = self._read_buffer_size or self.writing()
        return self._in_head and self.reading() and not busy

    def _handle_events(self, fd: Any, events: int) -> None:
        if self._answering:
            self._wait_with_more()
        elif events == self.io_loop.READ and self._is_awaited():
            self._take()
        else:
            super()._handle_events(fd, events)

    def _take(self) -> None:
        try:
            came = self.socket.recv(HEAD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            came = b""
        self._moved += len(came)
        self._came += came
        request = self._path.read(self._came) if came else None
        if request is None:
            self._hand_over()  # also the end of the connection
        elif request.is_whole:
            self._came, self._only_asks = b"", request.method == "GET"
            self._path.services.request_started()
            self._answering = asyncio.get_running_loop().create_task(self._answer(request))

    def _hand_over(self) -> None:
        super()._handle_events(self.fileno(), self.io_loop.READ)

    async def _answer(self, request: Request) -> None:
        answer = await self._path.answer(request, self._address)
        self._answering = None
        if not self.closed():
            self._path.services.request_finished()
            self._send(answer, request.fields.closes)

    def _send(self, answer: bytes, closes: bool) -> None:
        try:
            sent = self.socket.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.close(exc_info=error)
            return
        self._moved += sent
        if sent == len(answer):
            self._go_on(closes)
        else:
            rest = self.write(memoryview(answer)[sent:])
            rest.add_done_callback(lambda _: self._go_on(closes))

    def _go_on(self, closes: bool) -> None:
        if closes:
            self.close()
        elif not self.closed():
            self._await_head()
            self._add_io_state(self.io_loop.READ)

    def _wait_with_more(self) -> None:
        """A client has sent more before it was answered, or has gone."""
        if self._is_gone():
            self.close()
        elif self._early < EARLY_TURNS:
            self._early += 1
        else:
            self._state = self.io_loop.ERROR
            self.io_loop.update_handler(self.fileno(), self._state)
