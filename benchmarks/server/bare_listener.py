"""The smallest possible server for streamed bodies with Tornado.

    python -m benchmarks.server.bare_listener FOLDER

POST /dropped discards the bytes, /written writes them to a file in the folder, and /synced also
syncs the file before it answers. Listens on a free port of 127.0.0.1, prints the port, and runs
until it is killed.
"""

import asyncio
import os
import sys
import tempfile
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body

from server.http.connections.connection import CHUNK_BYTES
from server.start.http_server import UNLIMITED_BYTES


@stream_request_body
class Dropped(RequestHandler):
    """Accepts and discards any body."""

    async def data_received(self, chunk: bytes) -> None:
        """Discard the bytes."""

    def post(self) -> None:
        """Answer when the body is complete."""
        self.write({})


@stream_request_body
class Written(RequestHandler):
    """Writes the body to a file, which is removed after the answer."""

    def initialize(self, folder: str, synced: bool) -> None:
        """`folder` holds the file; `synced` is true if it is synced before the answer."""
        self._synced = synced
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed by on_finish

    async def data_received(self, chunk: bytes) -> None:
        """Write the bytes."""
        self._file.write(chunk)

    def post(self) -> None:
        """Answer when the file is complete."""
        self._file.flush()
        if self._synced:
            os.fsync(self._file.fileno())
        self.write({})

    def on_finish(self) -> None:
        """Remove the file."""
        self._file.close()


async def listen(folder: str) -> None:
    """Serve, with the chunk size of the real listener."""
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
