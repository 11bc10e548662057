"""The HTTP server: accepts connections, and passes requests to the fast path or to Tornado.

accept ─▶ FastConnection ─┬─ simple ─▶ FastPath
                          └─ other ──▶ HTTPServer ─▶ HttpApplication ─▶ Tornado's handlers

Without a fast path, all requests go the second way.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import Application

from server.auth.addresses import PUBLIC_HOST, TrustedProxies
from server.http.connections.acceptor import Acceptor
from server.http.connections.connection import CHUNK_BYTES, MAX_HEADER_BYTES, ClientPace, Connection
from server.http.connections.framing import use_origin_form
from server.http.fast_path.connection import FastConnection
from server.http.fast_path.path import FastPath
from server.http.response import HEADER, given_request_id, new_request_id
from server.settings.server import ServerSettings

UNLIMITED_BYTES = 10**100
SLOW_SECONDS = 10.0
"""How long the head of a request may take, and how long a body or the reading of a response may
stall. Then the client gets 408, or the connection is closed."""
MIN_BYTES_PER_SECOND = 1024
"""The rate below which a body or the reading of a response counts as stalled."""
_CONTINUE = "100-continue"


class HttpApplication(HTTPServerConnectionDelegate):
    """Passes requests to Tornado's application, and adjusts their headers first."""

    def __init__(self, application: Application, proxies: TrustedProxies | None):
        self._application = application
        self._proxies = proxies

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Called by Tornado for each request; returns the receiver of its parts."""
        delegate = self._application.start_request(server_conn, request_conn)
        context = getattr(request_conn, "context", None)
        stream = cast(Any, request_conn).stream
        return _AdjustedRequest(self._proxies, context, stream, delegate)

    def on_close(self, server_conn: object) -> None:
        """Called by Tornado when a connection is closed."""
        self._application.on_close(server_conn)


class _AdjustedRequest(HTTPMessageDelegate):
    """Sets the client's address from the headers and the request's id, and normalizes the target
    and Expect."""

    def __init__(
        self,
        proxies: TrustedProxies | None,
        context: object,
        stream: Connection,
        delegate: HTTPMessageDelegate,
    ):
        self._proxies, self._context, self._stream = proxies, context, stream
        self._delegate = delegate

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        start_line = use_origin_form(start_line, headers)
        if start_line.version == "HTTP/1.0" and "Transfer-Encoding" in headers:
            raise HTTPInputError("HTTP/1.0 has no chunks")  # a proxy may see another end (RFC 9112)
        if self._proxies:
            self._proxies.update_context(self._context, headers)
        else:
            headers.pop(PUBLIC_HOST, None)
        headers[HEADER] = self._stream.request_id = given_request_id(headers) or new_request_id()
        if headers.get("Expect", "").lower() == _CONTINUE:
            headers["Expect"] = _CONTINUE  # Tornado compares case, and Java sends 100-Continue
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


class HttpServer:
    """Serves an application on sockets, with at most `max_connections` clients at a time.

    Must be created inside a running event loop.
    """

    def __init__(
        self,
        application: Application,
        proxies: TrustedProxies | None,
        fast_path: FastPath | None,
        settings: ServerSettings,
        sockets: Sequence[socket.socket],
        max_connections: int,
    ):
        # Tornado limits no body: the handlers receive bodies in pieces, with limits of their own.
        self._server = HTTPServer(
            HttpApplication(application, proxies),
            max_body_size=UNLIMITED_BYTES,
            max_header_size=MAX_HEADER_BYTES,
            chunk_size=CHUNK_BYTES,
            decompress_request=False,
        )
        # No timer for each request: the acceptor checks all heads with one timer.
        self._server.conn_params.header_timeout = None
        self._fast_path = fast_path
        self._root_path = settings.root_path
        pace = ClientPace(settings.idle_seconds, SLOW_SECONDS, MIN_BYTES_PER_SECOND)
        self.acceptor = Acceptor(self._open_connection, sockets, max_connections, pace)

    async def close_all_connections(self) -> None:
        """Close the connections that are still open."""
        await self._server.close_all_connections()

    def _open_connection(
        self, client: socket.socket, address: Any, on_close: Callable[[Connection], None]
    ) -> Connection:
        connection: Connection
        if self._fast_path:
            connection = FastConnection(client, str(address[0]), self._fast_path, on_close)
        else:
            connection = Connection(client, str(address[0]), on_close)
        connection.root_path = self._root_path
        self._server.handle_stream(connection, address)
        return connection
