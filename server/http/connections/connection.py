"""The connection of a client, a Tornado IOStream that measures whether the client is too slow.

    idle ──first byte──▶ head ──whole──▶ body ──whole──▶ handling ──▶ response ──read──▶ idle

While the request is handled, the client is never late. A head must be complete within
`slow_seconds`. A body, and the reading of a response, may stall for `slow_seconds` in total; bytes
above the minimum rate earn time back.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from tornado.concurrent import Future
from tornado.httputil import HTTPInputError
from tornado.iostream import StreamClosedError, UnsatisfiableReadError

from server.http.codes import Code
from server.http.connections.framing import LINE_BYTES, Chunks, is_plain_size
from server.http.connections.iostream import OpenIOStream
from server.http.file_range import FileRange
from server.http.problems import CONTENT_TYPE, Problem, malformed
from server.http.request_log import log_refusal
from server.http.response import DEFAULT_HEADERS, HEADER, encode_json, http_response, new_request_id

CHUNK_BYTES = 512 * 1024
"""Most bytes of a body that are read at once."""
HEAD_BYTES = 16 * 1024
"""Most bytes of a head, or of a short body, that are read at once. Tornado allocates this much for
each read, and most requests have only a few hundred bytes."""
MAX_HEADER_BYTES = 16 * 1024
"""Size of the largest head. A larger one gets 431."""
MAX_EARLY_EVENTS = 2
"""How often a request may be reported as readable before Tornado reads it. After a response,
Tornado needs this many iterations of the event loop until it reads."""
LINGER_SECONDS = 30.0
"""How long a client may go on sending a body after the response."""
UNKNOWN_LINGER_BYTES = 2**20
"""How much a client that is not authenticated may send of a body after the response: as much as is
under way on a usual connection, so that it sees the response."""
_BARE_400 = b"HTTP/1.1 400 Bad Request\r\n\r\n"  # Tornado writes it if it cannot parse a request
_CONTINUE = b"HTTP/1.1 100 (Continue)\r\n\r\n"


class ClientDelay(StrEnum):
    """The part of the exchange for which a client took too long; the value is for messages."""

    IDLE = "a request"
    HEAD = "the head of a request"
    BODY = "a body"
    RESPONSE = "the reading of an answer"


@dataclass(frozen=True)
class ClientPace:
    """Time limits for a client, in seconds, and the slowest rate that is not a stall."""

    idle_seconds: float
    slow_seconds: float
    min_bytes_per_second: float


class Connection(OpenIOStream):
    """Counts the bytes read and written.

    `address` is the client's, for the log. `on_close` is called once the connection is closed.
    """

    root_path = ""
    """The setting ROOT_PATH."""

    def __init__(
        self, client: socket.socket, address: str, on_close: Callable[["Connection"], None]
    ):
        super().__init__(client, read_chunk_size=HEAD_BYTES)
        super().set_nodelay(True)
        self.request_id: str | None = None
        """The id of the current request; None until its head has arrived."""
        self._address = address
        self._lingers = False
        """Whether the response to the current request comes before the end of its body."""
        self._linger_seconds: float | None = None
        """How long the rest of the body has been read and dropped. None before the response."""
        self._linger_to: int | None = None
        """Up to how many `bytes_received` the rest of the body is read. None: to its end."""
        self._on_close = on_close
        self._buffer: memoryview | None = None
        self._offered_buffer: memoryview | None = None
        self.bytes_received = self.bytes_sent = 0
        self._transferred_at_check = self._transferred_before_head = 0
        """Bytes read and written: until the last check, and before the current head."""
        self._in_head = self._head_begun = True  # a new client must send a head at once
        self._responded = False
        """Whether a response to the current request has been begun."""
        self._early_events = 0
        self._chunks: Chunks | None = None
        """The chunks of the current body, once one has an extension or a trailer."""
        self._head_seconds: float | None = None
        """How long the head has been awaited or, once begun, has been arriving."""
        self._seconds_behind = 0.0
        """How far the client is behind the minimum rate."""
        self._file: FileRange | None = None
        """The part of a file that is being sent."""

    @property
    def _transferred(self) -> int:
        """Bytes read and written in all."""
        return self.bytes_received + self.bytes_sent

    @property
    def head_wait_seconds(self) -> float:
        """How long the next head has been awaited. 0 if none is awaited."""
        return (self._head_seconds or 0.0) if self._in_head and self.reading() else 0.0

    def is_idle(self) -> bool:
        """Whether the client has sent nothing since the last response, and reads nothing."""
        untouched = self._transferred == self._transferred_before_head
        waiting = self._in_head and self.reading() and not self.writing() and untouched
        return waiting and not self._peek()

    def check_pace(self, seconds: float, pace: ClientPace) -> ClientDelay | None:
        """Return what the client is too slow with, or None. The last check was `seconds` ago."""
        new_bytes = self._transferred - self._transferred_at_check
        self._transferred_at_check = self._transferred
        if self.writing() or (self._file and self._file.waits_for_client):
            return ClientDelay.RESPONSE if self._falls_behind(new_bytes, seconds, pace) else None
        if self._linger_seconds is not None:
            self._linger_seconds += seconds
            if self._linger_seconds > LINGER_SECONDS:
                return ClientDelay.BODY
        if not self.reading():
            return None
        if not self._in_head:
            return ClientDelay.BODY if self._falls_behind(new_bytes, seconds, pace) else None
        return self._head_delay(seconds, pace)

    def close_slow(self, delay: ClientDelay) -> None:
        """Close the connection. If the client is waiting for a response, send 408 first."""
        if delay in (ClientDelay.HEAD, ClientDelay.BODY) and not self._responded:
            self._refuse(Problem(Code.TOO_SLOW, f"{delay} took too long"))
        self.close()

    async def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> bytes:
        """Read a head: Tornado calls this for heads only.

        Raises HTTPInputError if a line does not end with CRLF. Tornado accepts LF, but a proxy may
        take it for a part of the line, and then sees other headers. Raises StreamClosedError behind
        a body that was refused.
        """
        if self._lingers:
            super().close()  # the response has said that no other will follow
            raise StreamClosedError  # also if the next head was received together with the body
        self._await_head()
        self._buffer = self._offered_buffer = None
        head = await super().read_until_regex(regex, max_bytes)
        if head.count(b"\n") != head.count(b"\r\n"):
            raise HTTPInputError("a line of the head does not end with CRLF")
        return head

    def read_bytes(self, num_bytes: int, partial: bool = False) -> Any:
        """Read a part of a body: Tornado calls this for bodies only."""
        self._in_head = False
        if self._linger_to is not None and self.bytes_received > self._linger_to:
            super().close()
        if self._chunks and self._chunks.ended:  # with the empty line that Tornado asks for now
            self._chunks, empty_line = None, Future[bytes]()
            empty_line.set_result(b"\r\n")
            return empty_line
        if num_bytes > HEAD_BYTES and partial:
            return self._read_long_body(num_bytes)
        return super().read_bytes(num_bytes, partial)

    def offer_buffer(self, buffer: memoryview) -> None:
        """Offer memory for the next read of a body.

        If that read is a long one, its bytes are read into the buffer, and the application gets
        the filled part of the buffer itself rather than a copy.
        """
        self._offered_buffer = buffer

    async def _read_long_body(self, num_bytes: int) -> bytes | memoryview:
        """Read into a reused buffer. Tornado would allocate memory for every read, and copy the
        bytes twice."""
        offered, self._offered_buffer = self._offered_buffer, None
        if offered is None and self._buffer is None:
            self._buffer = memoryview(bytearray(CHUNK_BYTES))
        memory: Any = self._buffer if offered is None else offered
        size = await self.read_into(memory[:num_bytes], partial=True)
        filled: memoryview = memory[:size]
        return bytes(filled) if offered is None else filled

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> Any:
        """Read the size of a chunk: Tornado calls this for chunked bodies only.

        Tornado knows neither extensions nor trailers, and sees neither.
        """
        self._in_head = False
        line: Any = super().read_until(delimiter, LINE_BYTES)
        if line.done() and not line.exception() and is_plain_size(line.result()):
            return line
        self._chunks = self._chunks or Chunks(partial(super().read_until, b"\r\n"))
        size = asyncio.ensure_future(self._chunks.read_size(line))
        # After another error, Tornado does not wait for it any more.
        size.add_done_callback(lambda size: size.cancelled() or size.exception())
        return size

    def set_nodelay(self, value: bool) -> None:
        """Do nothing. TCP_NODELAY is always on, since each response is written in one piece.
        Tornado would switch it with two system calls for every request."""

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Count the bytes that are read."""
        try:
            size = super().read_from_fd(buf)
        finally:
            del buf  # the caller goes on to use it, also after an error
        self.bytes_received += size or 0
        return size

    def write_to_fd(self, data: memoryview) -> int:
        """Count the bytes that are written."""
        try:
            size = super().write_to_fd(data)
        finally:
            del data
        self.bytes_sent += size
        return size

    def write(self, data: bytes | memoryview | FileRange) -> Future[None]:
        """Write data, or a part of a file. Tornado's bare 400 is replaced by a problem document."""
        if isinstance(data, FileRange):
            data.sending = asyncio.create_task(self._send_file(data))
            return data.sending
        if self._linger_seconds is not None:
            super().close()  # the rest of the body is malformed, and the response was sent
        elif data == _BARE_400:
            data = self._response(malformed("this is not a valid HTTP request"))
        self._responded = self._responded or data != _CONTINUE
        return super().write(data)

    def linger(self, is_unknown: bool = False) -> None:
        """Respond before the end of the body: read and drop the rest when Tornado calls `close`, of
        an unknown client at most UNKNOWN_LINGER_BYTES.

        If the socket was closed at once, the kernel would reset the connection because of the bytes
        that were not read, and many clients would not see the response.
        """
        self._lingers = True
        if is_unknown:
            self._linger_to = self.bytes_received + UNKNOWN_LINGER_BYTES

    def close(self, exc_info: Any = False) -> None:
        """Close. If a head or the size of a chunk was too long, send 431 or 400 first."""
        if self._begins_to_linger(exc_info):
            return
        if isinstance(exc_info, UnsatisfiableReadError) and not self._responded:
            head = Problem(
                Code.HEAD_TOO_LARGE,
                f"request line and headers together are larger than {MAX_HEADER_BYTES} bytes",
            )
            body = malformed("a chunk has no size, or extensions or trailers are too long")
            self._refuse(head if self._in_head else body)
        super().close(exc_info)

    def close_fd(self) -> None:
        """Close the socket, and report that to the owner."""
        super().close_fd()
        if self._file:
            self._file.stop()
        self._on_close(self)

    def on_events(self, events: int) -> None:
        """Ignore up to MAX_EARLY_EVENTS events for a request that Tornado does not read yet.

        A client that sends its next request right after a response is often faster than Tornado.
        For unexpected bytes, Tornado would remove the socket from the event loop and add it
        again, which costs a tenth of the whole handling of a short request.
        """
        is_expected = self.reading() or self.writing() or events != self.io_loop.READ
        if is_expected or self._early_events == MAX_EARLY_EVENTS or self._is_closed_by_client():
            super().on_events(events)
        else:
            self._early_events += 1

    async def _send_file(self, file: FileRange) -> None:
        """Send a part of a file. All that was written before must have been sent."""
        if self.closed():
            raise StreamClosedError
        self._file = file
        try:
            await file.send(self.socket, self._count_sent)
        except OSError as error:
            self.close(exc_info=error)
            raise StreamClosedError(error) from error
        finally:
            self._file = None

    def _count_sent(self, size: int) -> None:
        self.bytes_sent += size

    def _begins_to_linger(self, exc_info: Any) -> bool:
        """Whether Tornado closes because it has sent a response before the end of the body.

        Then only the sending side is closed. Tornado goes on to read the body.
        """
        is_begun = self._linger_seconds is not None
        if exc_info or not self._lingers or is_begun or self.writing() or self.closed():
            return False
        self._linger_seconds = 0.0
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone
            return False
        return True

    def _await_head(self) -> None:
        transferred = self._transferred_before_head = self.bytes_received + self.bytes_sent
        self._head_begun, self._in_head = not transferred, True
        self._responded, self._early_events, self.request_id = False, 0, None
        self._chunks = None
        self._head_seconds, self._seconds_behind = None, 0.0

    def _is_closed_by_client(self) -> bool:
        """Whether the client has closed the connection. uvloop reports a reset only once."""
        return self._peek() == b""

    def _peek(self) -> bytes | None:
        """Return the next byte without reading it: None if it has not arrived, b"" at the end."""
        try:
            return self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _head_delay(self, seconds: float, pace: ClientPace) -> ClientDelay | None:
        if not self._head_begun and self._transferred > self._transferred_before_head:
            self._head_begun, self._head_seconds = True, None
        self._head_seconds = 0.0 if self._head_seconds is None else self._head_seconds + seconds
        if self._head_begun:
            return ClientDelay.HEAD if self._head_seconds > pace.slow_seconds else None
        return ClientDelay.IDLE if self._head_seconds > pace.idle_seconds else None

    def _falls_behind(self, new_bytes: int, seconds: float, pace: ClientPace) -> bool:
        """Whether the client has fallen too far behind the minimum rate."""
        allowance = new_bytes / pace.min_bytes_per_second
        self._seconds_behind = max(0.0, self._seconds_behind + seconds - allowance)
        return self._seconds_behind > pace.slow_seconds

    def _refuse(self, problem: Problem) -> None:
        if not self.closed():
            self.write(self._response(problem))

    def _response(self, problem: Problem) -> bytes:
        """Log an error that no handler can answer, and return the whole response."""
        request_id = self.request_id or new_request_id()
        log_refusal(problem.status, str(problem.code), self._address, request_id)
        headers = {**DEFAULT_HEADERS, "Content-Type": CONTENT_TYPE, "Connection": "close"}
        document = encode_json(problem.document(request_id, self.root_path))
        return http_response(problem.status, {**headers, HEADER: request_id}, document)
