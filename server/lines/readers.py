"""The processes that read lines of stored files for this listener.

    request ──by file──▶ one of READERS processes ──▶ answer
                         started with its first request, ended with the listener

The event loop never reads a file itself. All requests for a file go to one process, which remembers
what it has learned of the file.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any
from zlib import crc32

from server.http.codes import Code
from server.http.problems import unavailable

log = logging.getLogger(__name__)

READERS = 2
MAX_WAITING = 32
"""Requests that may wait for one process."""
MAX_TEXTS = 8
"""Responses of text that may be open at once."""
ANSWER_SECONDS = 20.0
"""Time after which a process is ended. It answers after two seconds unless a file is slow."""

Process = tuple[subprocess.Popen[bytes], Connection]


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
    """One process, and the thread that waits for it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lines")
        self._running: Process | None = None
        self._waiting = 0
        self._closed = False

    async def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""
        if self._waiting >= MAX_WAITING:
            raise unavailable("too many requests for lines are waiting", Code.FILE_UNAVAILABLE)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._ask, request)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the process and the thread."""
        self._closed = True
        if self._running is not None:
            self._running[0].kill()
        self._thread.shutdown()
        self._end()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        for _ in range(2):  # the process may have been killed since the last request
            if self._closed:
                break
            try:
                return self._exchange(request)
            except (EOFError, OSError) as error:
                log.warning("a process that reads lines has ended", extra={"reason": repr(error)})
                self._end()
        raise unavailable("the lines could not be read now, try again", Code.FILE_UNAVAILABLE)

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request, and return the answer. Raises EOFError or OSError if the process ends."""
        self._running = self._running or _start()
        _, connection = self._running
        connection.send(request)
        if not connection.poll(ANSWER_SECONDS):
            log.warning("a file took too long to read")
            self._end()
            raise unavailable("the file takes too long to read", Code.FILE_UNAVAILABLE)
        answer: dict[str, Any] = connection.recv()
        return answer

    def _end(self) -> None:
        """Kill the process, if there is one. The next request starts another one."""
        if self._running is not None:
            (process, connection), self._running = self._running, None
            process.kill()
            process.wait()
            connection.close()


def _start() -> Process:
    """Start a process, in a session of its own so that Ctrl-C does not reach it.

    Its standard input is its end of the connection.
    """
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "runner.lines"],
            stdin=theirs.fileno(),
            stdout=2,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
    return process, ours
