"""The threads that read and send stored files, and the number of files that are read from S3."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from server.http.codes import Code
from server.http.problems import unavailable

T = TypeVar("T")

THREADS = 8
MAX_REMOTE = 32
"""Files that may be read from S3 at once. Each holds up to three pieces in memory."""
PIECE_BYTES = 2 * 1024**2
"""Size of a piece that is read from S3."""


class Downloads:
    """The downloads of a listener."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="download")
        self._remote = 0

    def run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run a call that may block on the disk or on S3."""
        return asyncio.get_running_loop().run_in_executor(self.threads, call)

    @contextlib.contextmanager
    def remote(self) -> Iterator[None]:
        """Count a download from S3 as open in this block. Raises Problem 503 above MAX_REMOTE."""
        if self._remote >= MAX_REMOTE:
            raise unavailable("too many downloads are open", Code.FILE_UNAVAILABLE)
        self._remote += 1
        try:
            yield
        finally:
            self._remote -= 1

    def close(self) -> None:
        """End the threads. Close all connections before."""
        self.threads.shutdown()
