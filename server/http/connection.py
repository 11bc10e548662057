"""A client's connection, which knows whether the client keeps pace.

    idle ──first byte──▶ head ──whole──▶ body ──whole──▶ our turn ──▶ answer ──taken──▶ idle

While it is our turn, a client is late with nothing. A head has to be whole in time; a body, and the
taking of an answer, may stall for as long, and have to keep a pace apart from that.
"""

import socket
from collections.abc import Callable
from typing import Any

from tornado.concurrent import Future
from tornado.iostream import IOStream, UnsatisfiableReadError

from server.http.client_pace import ClientDelay, ClientPace
from server.http.problems import CONTENT_TYPE, Problem, malformed
from server.http.response import HEADERS, encode, http_answer

CHUNK_BYTES = 512 * 1024
"""The most of a body that is taken at once."""
HEAD_BYTES = 16 * 1024
"""The same of a head, or of a body that is not longer: Tornado makes room for so many each time,
and most requests have a few hundred."""
EARLY_TURNS = 2
"""Of the loop, until Tornado asks for the next request when it has had one answered."""
_BARE_400 = b"HTTP/1.1 400 Bad Request\r\n\r\n"  # what Tornado writes of what is not HTTP
_CONTINUE = b"HTTP/1.1 100 (Continue)\r\n\r\n"


class Connection(IOStream):
    """Counts what comes and what goes. `closed` is told of its end."""

    def __init__(self, client: socket.socket, closed: Callable[["Connection"], None]):
        super().__init__(client, read_chunk_size=HEAD_BYTES)
        super().set_nodelay(True)
        self._gone = closed
        self._room: memoryview | None = None
        self._offered: memoryview | None = None
        self._moved = self._moved_before = self._moved_at_head = 0
        self._in_head = self._begun = True  # from a new client, a head is awaited
        self._answered = False
        self._early = 0
        self._waited: float | None = None
        self._behind = 0.0

    @property
    def waited(self) -> float:
        """For how many seconds the next head has been awaited; 0 if none is."""
        return (self._waited or 0.0) if self._in_head and self.reading() else 0.0

    def look(self, seconds: float, pace: ClientPace) -> ClientDelay | None:
        """What the client is late with; the last look was so many seconds ago."""
        moved, self._moved_before = self._moved - self._moved_before, self._moved
        if self.writing():
            return ClientDelay.ANSWER if self._lags(moved, seconds, pace) else None
        if not self.reading():
            return None
        if not self._in_head:
            return ClientDelay.BODY if self._lags(moved, seconds, pace) else None
        return self._late_head(seconds, pace)

    def end(self, late: ClientDelay) -> None:
        """Close it; with 408 if the client waits for an answer."""
        if late in (ClientDelay.HEAD, ClientDelay.BODY) and not self._answered:
            self._refuse(Problem(408, f"{late} took too long"))
        self.close()

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Any:
        """What Tornado reads heads by."""
        self._await_head()
        self._room = self._offered = None
        return super().read_until_regex(regex, max_bytes)

    def read_bytes(self, num_bytes: int, partial: bool = False) -> Any:
        """What Tornado reads bodies by."""
        self._in_head = False
        if num_bytes > HEAD_BYTES and partial:
            return self._read_much(num_bytes)
        return super().read_bytes(num_bytes, partial)

    def offer(self, room: memoryview) -> None:
        """Have the next bytes of a body read into that, if they are many; they are told as the
        part of it that they fill."""
        self._offered = room

    async def _read_much(self, num_bytes: int) -> bytes | memoryview:
        """The same into memory that stays, while much comes: Tornado asks the system for new each
        time, and copies twice."""
        offered, self._offered = self._offered, None
        if offered is not None:
            return await self._read_part(offered[:num_bytes])
        if self._room is None:
            self._room = memoryview(bytearray(CHUNK_BYTES))
        return bytes(await self._read_part(self._room[:num_bytes]))

    async def _read_part(self, room: memoryview) -> memoryview:
        return room[: await self.read_into(room, partial=True)]  # type: ignore[arg-type]

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> Any:
        """What Tornado reads the sizes of chunks by."""
        self._in_head = False
        return super().read_until(delimiter, max_bytes)

    def set_nodelay(self, value: bool) -> None:
        """Nothing: it is set for good, which takes two calls of the system off each request. All
        that there is of an answer is written at once."""

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Count what comes."""
        try:
            size = super().read_from_fd(buf)
        finally:
            del buf  # which the caller goes on with, also after an error
        self._moved += size or 0
        return size

    def write_to_fd(self, data: memoryview) -> int:
        """Count what goes."""
        try:
            size = super().write_to_fd(data)
        finally:
            del data
        self._moved += size
        return size

    def write(self, data: bytes | memoryview) -> Future[None]:
        """Write; in place of a bare 400 a problem."""
        if data == _BARE_400:
            data = _raw(malformed("this is not HTTP as it should be"))
        self._answered = self._answered or data != _CONTINUE
        return super().write(data)

    def close(self, exc_info: Any = False) -> None:
        """Close; a client that has sent too much without an end is told so."""
        if isinstance(exc_info, UnsatisfiableReadError) and not self._answered:
            head = Problem(431, "the head of the request is larger than MAX_HEADER_BYTES")
            self._refuse(head if self._in_head else malformed("a chunk has no size"))
        super().close(exc_info)

    def close_fd(self) -> None:
        """The end."""
        super().close_fd()
        self._gone(self)

    def _handle_events(self, fd: Any, events: int) -> None:
        """Leave a request that comes right behind an answer in the socket for a moment, when it is
        asked for. To take what nobody has asked for, Tornado leaves the socket out of the loop and
        puts it in again, which takes a tenth as long as all of a short request."""
        is_asked_for = self.reading() or self.writing() or events != self.io_loop.READ
        if is_asked_for or self._early == EARLY_TURNS or self._is_gone():
            super()._handle_events(fd, events)
        else:
            self._early += 1

    def _await_head(self) -> None:
        self._begun, self._in_head = not self._moved, True
        self._answered, self._early = False, 0
        self._moved_at_head, self._waited, self._behind = self._moved, None, 0.0

    def _is_gone(self) -> bool:
        """Whether the client has hung up; of a reset, uvloop tells just once."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _late_head(self, seconds: float, pace: ClientPace) -> ClientDelay | None:
        if not self._begun and self._moved > self._moved_at_head:
            self._begun, self._waited = True, None
        self._waited = 0.0 if self._waited is None else self._waited + seconds
        if self._begun:
            return ClientDelay.HEAD if self._waited > pace.slow_seconds else None
        return ClientDelay.IDLE if self._waited > pace.idle_seconds else None

    def _lags(self, moved: int, seconds: float, pace: ClientPace) -> bool:
        """Whether the client is too far behind the pace by now."""
        self._behind = max(0.0, self._behind + seconds - moved / pace.bytes_per_second)
        return self._behind > pace.slow_seconds

    def _refuse(self, problem: Problem) -> None:
        if not self.closed():
            self.write(_raw(problem))


def _raw(problem: Problem) -> bytes:
    """An answer to what is no request yet."""
    headers = {**HEADERS, "Content-Type": CONTENT_TYPE, "Connection": "close"}
    return http_answer(problem.status, headers, encode(problem.document()))
