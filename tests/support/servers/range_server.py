"""A web server that serves ranges of one file, and fails on request."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.servers.in_thread import serving

Failure = Callable[["Handler", int], bool]
"""Called for each request with its number, from 0. Returns whether it has answered the request."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET with the requested range."""

    protocol_version = "HTTP/1.1"
    store: "WebStore"

    def do_GET(self) -> None:
        number = len(self.store.asked)
        self.store.asked.append(self.headers.get("Range", ""))
        if self.store.failure and self.store.failure(self, number):
            return
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        data = self.store.data
        if match is None:
            return self.answer(200, {}, data)
        start, end = int(match[1]), min(int(match[2]) + 1, len(data))
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
        self.answer(206, headers, data[start:end])

    def answer(self, status: int, headers: dict[str, str], body: bytes, sent: int = 2**60) -> None:
        """Send a response, but only the first `sent` bytes of its body; then close the connection
        if bytes are missing."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Thu, 26 Nov 2026 10:00:00 GMT")
        self.end_headers()
        self.wfile.write(body[:sent])
        self.close_connection = sent < len(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class WebStore:
    """The file, and the ranges that were requested."""

    def __init__(self, data: bytes, failure: Failure | None):
        self.data, self.failure = data, failure
        self.asked: list[str] = []
        self.url = ""


@contextmanager
def web_store(data: bytes, failure: Failure | None = None) -> Iterator[WebStore]:
    """Yield a running server."""
    store = WebStore(data, failure)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"store": store}))
    server.daemon_threads = True
    store.url = f"http://127.0.0.1:{server.server_port}/bucket/name?X-Amz-Signature=secret"
    with serving(server):
        yield store
