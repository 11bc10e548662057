"""The threads that read and send stored files, and the number of downloads that need memory."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from server.http.codes import Code
from server.http.problems import unavailable
from storage.records.shares import NoRoom, Places

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
        self._slow = Places()

    def run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run a call that may block on the disk or on S3."""
        return asyncio.get_running_loop().run_in_executor(self.threads, call)

    @contextlib.contextmanager
    def slow(self, sharer: str | None) -> Iterator[None]:
        """Count a download as open in this block. `sharer` is the caller if it has only a share of
        MAX_SLOW. Raises Problem 503."""
        try:
            with self._slow.taken(MAX_SLOW, sharer):
                yield
        except NoRoom as error:
            detail = error.text(MAX_SLOW, "open downloads")
            raise unavailable(detail, Code.FILE_UNAVAILABLE) from None

    def close(self) -> None:
        """End the threads. Close all connections before."""
        self.threads.shutdown()
