"""The threads that read and send stored files, and the number of downloads that need memory."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from server.http.codes import Code
from server.http.problems import unavailable

T = TypeVar("T")

THREADS = 8
MAX_SLOW = 32
"""Downloads that may be open at once among those whose bytes pass through this program: archives,
and files in S3. Each holds up to three pieces in memory."""
PIECE_BYTES = 2 * 1024**2
"""Size of a piece that is read from S3."""


class Downloads:
    """The downloads of a listener."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="download")
        self._slow = 0

    def run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run a call that may block on the disk or on S3."""
        return asyncio.get_running_loop().run_in_executor(self.threads, call)

    @contextlib.contextmanager
    def slow(self) -> Iterator[None]:
        """Count a download as open in this block. Raises Problem 503 above MAX_SLOW."""
        if self._slow >= MAX_SLOW:
            raise unavailable("too many downloads are open", Code.FILE_UNAVAILABLE)
        self._slow += 1
        try:
            yield
        finally:
            self._slow -= 1

    def close(self) -> None:
        """End the threads. Close all connections before."""
        self.threads.shutdown()
