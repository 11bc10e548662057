"""The process that checks large and slow submissions, as the listener sees it.

It starts with the first of them, checks one at a time, and ends with the listener. Each message is
a pickled object behind its length.
"""

import asyncio
import logging
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from server.documents.submission import CheckedSubmission
from server.http.codes import Code
from server.http.problems import Problem, unavailable

log = logging.getLogger(__name__)

CHECK_SECONDS = 30.0
"""Time after which a check is given up. Those of the built-in job types take less than a second."""
LENGTH_BYTES = 8


class CheckFailed(Exception):
    """A job type failed to check a payload. The message has the traceback."""


class CheckProcess:
    """Checks submissions in another process, which loads the job types of `packages`."""

    def __init__(self, packages: Sequence[str]):
        self._packages = packages
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="check")
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    async def check(self, request: tuple[Any, ...]) -> CheckedSubmission | None:
        """Check a submission. `request` has the arguments of `server.checking.__main__.answer`.

        Raises the Problem of an invalid one, Problem 503 if the process fails twice or takes too
        long, and CheckFailed if a job type raises another exception.
        """
        loop = asyncio.get_running_loop()
        kind, value = await loop.run_in_executor(self._thread, self._ask, request)
        if kind == "problem":
            problem = Problem.__new__(Problem)
            vars(problem).update(value)
            raise problem
        if kind == "failure":
            raise CheckFailed(value)
        checked: CheckedSubmission | None = value
        return checked

    def close(self) -> None:
        """End the process and the thread. A check under way fails."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
        self._thread.shutdown()
        self._end()

    def _ask(self, request: tuple[Any, ...]) -> tuple[str, Any]:
        data = pickle.dumps(request)
        for _ in range(2):  # the process may have been killed since the last check
            if self._closed:
                break
            try:
                return self._exchange(len(data).to_bytes(LENGTH_BYTES) + data)
            except (EOFError, OSError) as error:
                log.warning("the check process ended", extra={"reason": repr(error)})
                self._end()
        detail = "the submission could not be checked now, try again"
        raise unavailable(detail, Code.CHECK_FAILED)

    def _exchange(self, message: bytes) -> tuple[str, Any]:
        """Send a message, and return the answer. Raises EOFError or OSError if the process ends."""
        process = self._process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(message)
        process.stdin.flush()
        if not select.select([process.stdout], [], [], CHECK_SECONDS)[0]:
            log.warning("a submission took too long to check")
            self._end()
            raise unavailable("the submission takes too long to check", Code.CHECK_FAILED)
        size = int.from_bytes(_read(process, LENGTH_BYTES))
        answer: tuple[str, Any] = pickle.loads(_read(process, size))
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the process, in a session of its own so that Ctrl-C does not reach it."""
        return subprocess.Popen(
            [sys.executable, "-m", "server.checking", *self._packages],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )

    def _end(self) -> None:
        """Kill the process, if there is one. The next check starts another one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _read(process: subprocess.Popen[bytes], size: int) -> bytes:
    assert process.stdout
    data = process.stdout.read(size)
    if len(data) < size:
        raise EOFError
    return data
