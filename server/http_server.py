"""What clients meet: Tornado's HTTP server, and ahead of it the fast path.

accept ─▶ FastConnection ─┬─ plain ─▶ FastPath
                          └─ else ─▶ HTTPServer ─▶ Front ─▶ the application
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from server.app import make_app
from server.auth.proxies import TrustedProxies
from server.fast.connection import FastConnection
from server.fast.parser import FastPath
from server.http.acceptor import Acceptor
from server.http.client_pace import ClientPace
from server.http.connection import CHUNK_BYTES, Connection
from server.jobs.services import Services

ANY_SIZE = 10**100
_EXPECTED = "100-continue"


class HttpApplication(HTTPServerConnectionDelegate):
    """What the HTTP server asks for each request that is not plain."""

    def __init__(self, services: Services):
        self.services = services
        self.application = make_app(services)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """See HTTPServerConnectionDelegate."""
        rest = self.application.start_request(server_conn, request_conn)
        return _Request(self.services.proxies, getattr(request_conn, "context", None), rest)

    def on_close(self, server_conn: object) -> None:
        """See HTTPServerConnectionDelegate."""
        self.application.on_close(server_conn)


class _Request(HTTPMessageDelegate):
    """A request of the application's, whose head is seen to first."""

    def __init__(self, proxies: TrustedProxies, context: object, rest: HTTPMessageDelegate):
        self._proxies, self._context, self._rest = proxies, context, rest

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._proxies.note(self._context, headers)
        if headers.get("Expect", "").lower() == _EXPECTED:
            headers["Expect"] = _EXPECTED  # as Tornado knows it; Java's clients write it else
        return self._rest.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._rest.data_received(chunk)

    def finish(self) -> None:
        self._rest.finish()

    def on_connection_close(self) -> None:
        self._rest.on_connection_close()


class HttpServer:
    """Lets clients in, at most so many at a time; made inside a running event loop."""

    def __init__(self, front: HttpApplication, sockets: Sequence[socket.socket], most: int):
        services = front.services
        settings = services.settings
        # Bodies are streamed and bounded by the handlers themselves, each by its own limit.
        self._server = HTTPServer(
            front,
            max_body_size=ANY_SIZE,
            max_header_size=settings.max_header_bytes,
            chunk_size=CHUNK_BYTES,
            decompress_request=False,
        )
        # No timer for each request: of heads, Pace knows more.
        self._server.conn_params.header_timeout = None
        self._path = FastPath(services)
        pace = ClientPace(
            settings.idle_seconds, settings.slow_seconds, settings.min_bytes_per_second
        )
        self._acceptor = Acceptor(self._begin, sockets, most, pace)

    def close(self) -> None:
        """Let nobody in any more."""
        self._acceptor.close()

    async def close_all_connections(self) -> None:
        """End those that are open."""
        await self._server.close_all_connections()

    def _begin(
        self, client: socket.socket, address: Any, closed: Callable[[Connection], None]
    ) -> Connection:
        connection = FastConnection(client, str(address[0]), self._path, closed)
        self._server.handle_stream(connection, address)
        return connection
