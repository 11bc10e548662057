"""Runs a server of Python's library beside a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer

LOOK_SECONDS = 0.01
"""How often the server looks whether it has to end."""


@contextmanager
def serving(server: HTTPServer) -> Iterator[None]:
    """Serve in a thread during the block, and close the server at its end."""
    thread = threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
