"""The least that takes a streamed body with Tornado: it throws the bytes away.

    python -m tests.benchmarks.bare_listener

Listens on a free port of 127.0.0.1, which it prints, until it is killed.
"""

import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body

from server.connections import CHUNK_BYTES
from server.listener import ANY_SIZE


@stream_request_body
class Sink(RequestHandler):
    """Takes any body."""

    async def data_received(self, chunk: bytes) -> None:
        """Drop the bytes."""

    def post(self) -> None:
        """Answer once the body is whole."""
        self.write({})


async def listen() -> None:
    """Serve, with the same sizes as the listener."""
    server = HTTPServer(
        Application([("/jobs", Sink)]), max_body_size=ANY_SIZE, chunk_size=CHUNK_BYTES
    )
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    sys.stdout.write(f"{sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(listen())
