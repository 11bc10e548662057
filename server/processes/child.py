"""A process of its own that answers the listener, one request after the other."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from storage.records.json_values import JsonValue
from storage.records.our_modules import module_command

log = logging.getLogger(__name__)


class ChildFailed(Exception):
    """The process has ended twice before it answered, or it was closed."""


class ChildTooSlow(Exception):
    """The process took too long to answer, and was ended."""


class ChildProcess:
    """A process that starts with its first request, and again if it has ended."""

    def __init__(self, name: str, module: str, arguments: Sequence[str] = ()):
        """`name` is for the log, `module` is what it runs, with `arguments`.

        The program gets its end of the connection as its standard input.
        """
        self._name, self._command = name, module_command(module, *arguments)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None
        self._closed = False

    async def ask(self, request: JsonValue, seconds: float) -> JsonValue:
        """Send a request, and return the answer. Both are pickled.

        Raises ChildTooSlow if there is no answer after `seconds`, and ChildFailed.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._ask, request, seconds)

    def close(self) -> None:
        """End the process and the thread. A request under way fails."""
        self._closed = True
        if self._running is not None:
            self._running[0].kill()
        self._thread.shutdown()
        self._end()

    def _ask(self, request: JsonValue, seconds: float) -> JsonValue:
        for _ in range(2):  # the process may have been killed since the last request
            if self._closed:
                break
            try:
                return self._exchange(request, seconds)
            except (EOFError, OSError) as error:
                log.warning("the %s process ended", self._name, extra={"reason": repr(error)})
                self._end()
        raise ChildFailed

    def _exchange(self, request: JsonValue, seconds: float) -> JsonValue:
        """Send a request, and return the answer. Raises EOFError or OSError if the process ends."""
        self._running = self._running or self._start()
        _, connection = self._running
        connection.send(request)
        if not connection.poll(seconds):
            log.warning("the %s process took too long", self._name)
            self._end()
            raise ChildTooSlow
        return connection.recv()

    def _start(self) -> tuple[subprocess.Popen[bytes], Connection]:
        """Start the process, in a session of its own so that Ctrl-C does not reach it.

        Its standard input is its end of the connection; all that it prints goes to stderr.
        """
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                self._command,
                stdin=theirs.fileno(),
                stdout=2,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )
        return process, ours

    def _end(self) -> None:
        """Kill the process, if there is one. The next request starts another one."""
        if self._running is not None:
            (process, connection), self._running = self._running, None
            process.kill()
            process.wait()
            connection.close()
