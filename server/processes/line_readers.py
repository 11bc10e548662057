"""The processes that read lines of stored files for this listener.

    request ──by file──▶ one of READERS processes ──▶ answer
                         started with its first request, ended with the listener

The event loop never reads a file itself. All requests for a file go to one process, which remembers
what it has learned of the file.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from server.http.codes import Code
from server.http.problems import unavailable
from server.processes.child import ChildFailed, ChildProcess, ChildTooSlow

READERS = 2
MAX_WAITING = 32
"""Requests that may wait for one process."""
MAX_TEXTS = 8
"""Responses of text that may be open at once."""
ANSWER_SECONDS = 20.0
"""Time after which a process is ended. It answers after two seconds unless a file is slow."""


class LineReaders:
    """All reading processes of a listener."""

    def __init__(self, readers: int = READERS):
        self._readers = [_Reader() for _ in range(readers)]
        self.texts = 0
        """Responses of text that are open."""

    async def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of `runner.lines.answers` to a request. Raises Problem 503."""
        key = str(request["key"]).encode()
        return await self._readers[crc32(key) % len(self._readers)].read(request)

    @contextlib.contextmanager
    def text(self) -> Iterator[None]:
        """Count a response of text as open in this block. Raises Problem 503 above MAX_TEXTS."""
        if self.texts >= MAX_TEXTS:
            raise unavailable("too many responses of text are open", Code.FILE_UNAVAILABLE)
        self.texts += 1
        try:
            yield
        finally:
            self.texts -= 1

    def close(self) -> None:
        """End the processes and threads. Requests under way fail."""
        for each in self._readers:
            each.close()


class _Reader:
    """One process, and the number of requests that wait for it."""

    def __init__(self) -> None:
        self._process = ChildProcess("lines", ["runner.lines"])
        self._waiting = 0

    async def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""
        if self._waiting >= MAX_WAITING:
            raise unavailable("too many requests for lines are waiting", Code.FILE_UNAVAILABLE)
        self._waiting += 1
        try:
            answer: dict[str, Any] = await self._process.ask(request, ANSWER_SECONDS)
            return answer
        except ChildTooSlow:
            detail = "the file takes too long to read"
            raise unavailable(detail, Code.FILE_UNAVAILABLE) from None
        except ChildFailed:
            detail = "the lines could not be read now, try again"
            raise unavailable(detail, Code.FILE_UNAVAILABLE) from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the process and its thread. A request under way fails."""
        self._process.close()
