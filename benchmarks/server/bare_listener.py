"""The least that takes a streamed body with Tornado.

    python -m benchmarks.server.bare_listener FOLDER

POST /dropped throws the bytes away, /written writes them to a file of the folder, and /synced has
them on the disk before it answers. Listens on a free port of 127.0.0.1, which it prints, until it
is killed.
"""

import asyncio
import os
import sys
import tempfile
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body

from server.http.connection import CHUNK_BYTES
from server.http_server import UNLIMITED_BYTES


@stream_request_body
class Dropped(RequestHandler):
    """Takes any body."""

    async def data_received(self, chunk: bytes) -> None:
        """Drop the bytes."""

    def post(self) -> None:
        """Answer once the body is whole."""
        self.write({})


@stream_request_body
class Written(RequestHandler):
    """Keeps the body in a file, which goes with the answer."""

    def initialize(self, folder: str, synced: bool) -> None:
        """Where, and whether it is to be on the disk."""
        self._synced = synced
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed by on_finish

    async def data_received(self, chunk: bytes) -> None:
        """Write the bytes."""
        self._file.write(chunk)

    def post(self) -> None:
        """Answer once the file is whole."""
        self._file.flush()
        if self._synced:
            os.fsync(self._file.fileno())
        self.write({})

    def on_finish(self) -> None:
        """Remove the file."""
        self._file.close()


async def listen(folder: str) -> None:
    """Serve, with the same sizes as the listener."""
    kept = {"folder": folder}
    handlers: list[tuple[Any, ...]] = [
        ("/dropped", Dropped),
        ("/written", Written, {**kept, "synced": False}),
        ("/synced", Written, {**kept, "synced": True}),
    ]
    server = HTTPServer(
        Application(handlers), max_body_size=UNLIMITED_BYTES, chunk_size=CHUNK_BYTES
    )
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    sys.stdout.write(f"{sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1]))
