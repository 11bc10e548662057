"""The process that checks large and slow submissions, as the listener sees it.

It starts with the first of them, checks one at a time, and ends with the listener.
"""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from server.http.codes import Code
from server.http.problems import unavailable

log = logging.getLogger(__name__)

CHECK_SECONDS = 30.0
"""Time after which a check is given up. Those of the built-in job types take less than a second."""


class CheckFailed(Exception):
    """A job type failed to check a payload. The message has the traceback."""


class CheckProcess:
    """Checks submissions in another process, which loads the job types of `packages`."""

    def __init__(self, packages: Sequence[str]):
        self._packages = packages
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="check")
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None
        self._closed = False

    async def check(self, request: tuple[Any, ...]) -> Any:
        """Return the answer of `server.checking.__main__.answer` to its arguments, `request`.

        Raises the Problem of an invalid submission, Problem 503 if the process fails twice or takes
        too long, and CheckFailed if a job type raises another exception.
        """
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._thread, self._ask, request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the process and the thread. A check under way fails."""
        self._closed = True
        if self._running is not None:
            self._running[0].kill()
        self._thread.shutdown()
        self._end()

    def _ask(self, request: tuple[Any, ...]) -> Any:
        for _ in range(2):  # the process may have been killed since the last check
            if self._closed:
                break
            try:
                return self._exchange(request)
            except (EOFError, OSError) as error:
                log.warning("the check process ended", extra={"reason": repr(error)})
                self._end()
        detail = "the submission could not be checked now, try again"
        raise unavailable(detail, Code.CHECK_FAILED)

    def _exchange(self, request: tuple[Any, ...]) -> Any:
        """Send a request, and return the answer. Raises EOFError or OSError if the process ends."""
        self._running = self._running or self._start()
        _, connection = self._running
        connection.send(request)
        if not connection.poll(CHECK_SECONDS):
            log.warning("a submission took too long to check")
            self._end()
            raise unavailable("the submission takes too long to check", Code.CHECK_FAILED)
        return connection.recv()

    def _start(self) -> tuple[subprocess.Popen[bytes], Connection]:
        """Start the process, in a session of its own so that Ctrl-C does not reach it.

        Its standard input is its end of the connection; all that job types print goes to stderr.
        """
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "server.checking", *self._packages],
                stdin=theirs.fileno(),
                stdout=2,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )
        return process, ours

    def _end(self) -> None:
        """Kill the process, if there is one. The next check starts another one."""
        if self._running is not None:
            (process, connection), self._running = self._running, None
            process.kill()
            process.wait()
            connection.close()
