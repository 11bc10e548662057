"""Sends requests over HTTP, repeats failed ones, and follows event streams."""

from __future__ import annotations

import json
import logging
import platform
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import httpcore
import httpx

from jobservice.blocking import async_call, async_sleep
from jobservice.downloads import CHUNK_BYTES, Download
from jobservice.errors import ApiError, ConnectionFailed, JobServiceError, WaitTimeout, read_problem
from jobservice.event_stream import Event, EventParser
from jobservice.httpx_log import hide_requests
from jobservice.json_values import Json, JsonValue
from jobservice.pieces import Piece
from jobservice.requests import Request, get
from jobservice.retries import Retries
from jobservice.uploads import Form
from jobservice.version import VERSION

log = logging.getLogger("jobservice")
"""Tells of retries as warnings, and of each request at the level DEBUG."""
log.addHandler(logging.NullHandler())
TIMEOUT_SECONDS = 30.0
"""How long the service may stay silent by default."""
RETRY_SECONDS = 60.0
"""For how long failures in a row are repeated by default."""
STREAM_SILENCE_SECONDS = 45.0
"""After this silence, an event stream counts as broken: the service sends something every 15 s."""
UNSENT_BYTES = 128 * 1024
"""How many bytes of an upload the kernel of this machine keeps that it has not sent."""
_LINUX_NOTSENT_LOWAT = 25
DEADLINE_SLACK_SECONDS = 5.0
"""How long a response may be late when a wait is over."""


@dataclass(frozen=True)
class Answer:
    """A successful response; `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> JsonValue:
        """Parse the body as JSON.

        Raises ConnectionFailed if it is not JSON: then the response is not of the service.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            message = "the response is not JSON: is this the address of a Job Service?"
            raise ConnectionFailed(message, is_permanent=True) from None


class AsyncTransport:
    """Connections to one service."""

    def __init__(
        self,
        url: str,
        token: str | None,
        timeout: float,
        retry_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ):
        """`transport` sends requests instead of the network."""
        self.url = url
        hide_requests(url)
        self._transport = transport
        self._timeout = timeout
        self._retry_seconds = retry_seconds
        # Without TLS, no certificates are read: that takes longer than most calls.
        is_plain = url.startswith("http://")
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else _tls()
        self._headers = {"Accept": "application/json", "User-Agent": _user_agent()}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._http = self._open(httpx.Limits(max_connections=None, max_keepalive_connections=20))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def new_retries(self) -> Retries:
        """Return the Retries of a new call, which count and limit its failures in a row."""
        return Retries(self._retry_seconds)

    async def send(self, request: Request, deadline: float | None = None) -> Answer:
        """Send a request until it succeeds; return the response.

        Raises ApiError if the service refuses it, ConnectionFailed if the service cannot be
        reached for too long, and WaitTimeout if the next try would be after the `deadline`, which
        is monotonic.
        """
        retries = self.new_retries()
        furthest, was_repeated = 0, False
        while True:
            failure: JobServiceError
            try:
                response = await self._exchange(request, deadline)
            except httpx.TransportError as error:
                failure = self._connection_failed(error, retries.failures)
            else:
                was_done = was_repeated and response.status_code == request.done_status
                log.debug("%s %s: %d", request.method, request.path, response.status_code)
                if response.is_success or was_done:
                    return Answer(response.status_code, dict(response.headers), response.content)
                failure = _refused(response)
            was_repeated = True
            if request.form and request.form.furthest > furthest:
                furthest = request.form.furthest
                retries.reset()
            await self._pause(request, retries, failure, deadline)

    async def document(self, request: Request) -> Json:
        """Send a request as `send`, and return the object in the response."""
        return dict((await self.send(request)).document())

    async def items(
        self,
        request: Callable[[int, str | None], Request],
        page_size: int,
        limit: int | None = None,
        field: str = "items",
    ) -> AsyncIterator[Json]:
        """Yield the items of a list, page by page: all of them, or up to `limit`.

        `request` builds the request for a page from its size and the cursor of the page before.
        `field` is the field of a page that has the items.
        """
        cursor, left = None, limit
        while left is None or left > 0:
            size = page_size if left is None else min(left, page_size)
            page = await self.document(request(size, cursor))
            for item in page[field]:
                yield item
            left = None if left is None else left - len(page[field])
            cursor = page["next"]
            if cursor is None:
                return

    async def put(self, request: Request) -> Json:
        """Send a request that creates or replaces something, and return what is there then."""
        answer = await self.send(request)
        if answer.status == request.done_status:  # an earlier try, whose response was lost
            return await self.document(get(request.path))
        return dict(answer.document())

    async def download(self, request: Request, download: Download) -> None:
        """Receive a file, and continue it whenever the connection breaks.

        Raises ApiError and ConnectionFailed as `send`, FileDamaged and OSError.
        """
        retries = self.new_retries()
        while True:
            failure: JobServiceError
            try:
                await self._receive(request, download, retries)
                return
            except httpx.TransportError as error:
                failure = self._connection_failed(error, retries.failures)
            except ApiError as error:
                failure = error
            await self._pause(request, retries, failure, None)

    async def _receive(self, request: Request, download: Download, retries: Retries) -> None:
        """Receive what one connection brings. Files are written in a thread."""
        async with self._http.stream(
            request.method,
            self.url + request.path,
            params=list(request.query),
            headers={**request.headers, **download.headers()},
        ) as response:
            if not response.is_success:
                await response.aread()
                raise _refused(response)
            await async_call(partial(download.begin, response.status_code, dict(response.headers)))
            if download.is_there:
                return
            async for data in response.aiter_bytes(CHUNK_BYTES):
                await async_call(partial(download.write, data))
                retries.reset()

    async def events(
        self, request: Request, last_event_id: int | None = None
    ) -> AsyncIterator[Event]:
        """Follow a stream, and continue it after the last event whenever the connection breaks.

        Ends after the event `end`. Raises ApiError and ConnectionFailed as `send`.
        """
        retries = self.new_retries()
        parser = EventParser(last_event_id)
        while not parser.is_over:
            failure: JobServiceError | None = None
            try:
                async for event in self._events_of_connection(request, parser, retries):
                    yield event
            except httpx.TransportError as error:
                failure = self._connection_failed(error, retries.failures)
            except ApiError as error:
                failure = error
            if failure is not None:
                await self._pause(request, retries, failure, None)
            elif not parser.is_over:  # a stopping listener ends its streams
                await async_sleep(parser.retry_seconds)

    async def _events_of_connection(
        self, request: Request, parser: EventParser, retries: Retries
    ) -> AsyncIterator[Event]:
        """Yield the events that one connection brings."""
        headers = dict(request.headers)
        if parser.last_id is not None:
            headers["Last-Event-ID"] = str(parser.last_id)
        silence = max(self._timeout, STREAM_SILENCE_SECONDS)
        async with self._http.stream(
            request.method,
            self.url + request.path,
            params=list(request.query),
            headers=headers,
            timeout=httpx.Timeout(self._timeout, read=silence),
        ) as response:
            if not response.is_success:
                await response.aread()
                raise _refused(response)
            retries.reset()
            parser.begin()
            parser.is_over = response.status_code == 204
            async for received in response.aiter_bytes():
                for event in parser.feed(received):
                    yield event

    async def _pause(
        self, request: Request, retries: Retries, failure: JobServiceError, deadline: float | None
    ) -> None:
        """Pause before the next try, or raise the failure if there is none."""
        now = time.monotonic()
        seconds = retries.pause(failure, now) if request.repeats else None
        if seconds is None:
            raise failure
        if request.form and request.form.source.is_spent:
            name = request.form.source.name
            raise ConnectionFailed(
                f"{failure}; the upload cannot be repeated, because {name} is a stream that cannot"
                " seek: give a path, bytes, or a stream that can seek",
                is_permanent=True,
            ) from failure
        if deadline is not None and now + seconds > deadline:
            raise WaitTimeout(f"not final in time; the last try failed: {failure}") from failure
        log.warning("trying again in %.1f s: %s", seconds, failure)
        await async_sleep(seconds)

    async def _exchange(self, request: Request, deadline: float | None) -> httpx.Response:
        if request.form:
            return await self._upload(request, request.form)
        seconds = self._timeout + request.wait
        if deadline is not None:
            left = max(0.0, deadline - time.monotonic())
            seconds = min(seconds, left + DEADLINE_SLACK_SECONDS)
        return await self._http.request(
            request.method,
            self.url + request.path,
            params=list(request.query),
            headers=dict(request.headers),
            content=request.body,
            timeout=httpx.Timeout(self._timeout, read=seconds),
        )

    async def _upload(self, request: Request, form: Form | Piece) -> httpx.Response:
        """Send a body over a connection of its own, and stop when the service refuses it."""
        early = _EarlyAnswer()
        headers = {**request.headers, "Connection": "close"}
        async with self._open(httpx.Limits()) as http:
            return await http.request(
                request.method,
                self.url + request.path,
                params=list(request.query),
                headers=headers,
                content=_sent(form, early),
                timeout=httpx.Timeout(self._timeout, read=self._timeout + request.wait),
                extensions={"trace": early.trace},
            )

    def _open(self, limits: httpx.Limits) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers=self._headers,
            timeout=self._timeout,
            verify=self._tls,
            limits=limits,
            transport=self._transport,
        )

    def _connection_failed(self, error: httpx.TransportError, failures: int) -> ConnectionFailed:
        reason = str(error) or type(error).__name__
        tries = f" after {failures + 1} tries" if failures else ""
        cause = error.__cause__ and error.__cause__.__cause__
        is_permanent = isinstance(
            error, httpx.UnsupportedProtocol | httpx.LocalProtocolError
        ) or isinstance(cause, ssl.SSLCertVerificationError)
        return ConnectionFailed(
            f"no response from {self.url}{tries}: {reason}", is_permanent=is_permanent
        )


class _EarlyAnswer:
    """Notices a response that arrives while the request is still being sent: a refusal.

    Only without TLS, where readable bytes are a response for certain.
    """

    def __init__(self) -> None:
        self._connection: JsonValue = None

    async def trace(self, name: str, info: Mapping[str, JsonValue]) -> None:
        """Is called by httpcore when a connection is open."""
        if name == "connection.connect_tcp.complete":
            self._connection = info["return_value"]
            _limit_unsent(self._connection.get_extra_info("socket"))
        elif name.endswith(".start_tls.started"):
            self._connection = None

    def has_arrived(self) -> bool:
        """Whether there is something to read."""
        connection = self._connection
        return connection is not None and bool(connection.get_extra_info("is_readable"))


def _limit_unsent(connection: JsonValue) -> None:
    """Let the kernel keep few bytes that it has not sent: they are lost if the connection breaks.

    The bytes on their way are not limited, so this costs no speed.
    """
    with suppress(AttributeError, OSError):  # another system, or another kind of socket
        option = getattr(socket, "TCP_NOTSENT_LOWAT", _LINUX_NOTSENT_LOWAT)
        connection.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)


async def _sent(form: Form | Piece, early: _EarlyAnswer) -> AsyncIterator[bytes]:
    """The bytes of a form or a piece. Files are read in a thread, since a pipe may block."""
    chunks = form.chunks()
    try:
        while (chunk := await async_call(lambda: next(chunks, None))) is not None:
            yield chunk
            form.report()
            if early.has_arrived():
                # After this exception, httpcore stops sending and reads the response.
                raise httpcore.WriteError("the response has arrived")
    finally:
        chunks.close()


def _refused(response: httpx.Response) -> ApiError:
    headers = dict(response.headers)
    return read_problem(response.status_code, response.reason_phrase, headers, response.content)


def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _user_agent() -> str:
    return f"job-service-client/{VERSION} Python/{platform.python_version()}"
