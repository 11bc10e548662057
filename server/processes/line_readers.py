"""The processes that read lines of stored files for this listener.

    request ──by file──▶ one of READERS processes ──▶ answer
                         started with its first request, ended with the listener

The event loop never reads a file itself. All requests for a file go to one process, which remembers
what it has learned of the file.
"""

import contextlib
from collections.abc import Iterator
from zlib import crc32

from server.http.codes import Code
from server.http.problems import unavailable
from server.processes.child import ChildFailed, ChildProcess, ChildTooSlow
from storage.records.json_values import Json
from storage.records.shares import NoRoom, Places

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
        self.texts = Places()
        """Responses of text that are open."""

    async def read(self, request: Json, sharer: str | None) -> Json:
        """Return the answer of `runner.lines.__main__` to a request. `sharer` is the caller if it
        has only a share of what may wait. Raises Problem 503."""
        key = str(request["key"]).encode()
        return await self._readers[crc32(key) % len(self._readers)].read(request, sharer)

    @contextlib.contextmanager
    def text(self, sharer: str | None) -> Iterator[None]:
        """Count a response of text as open in this block. `sharer` is the caller if it has only a
        share of MAX_TEXTS. Raises Problem 503."""
        with _no_room(MAX_TEXTS, "open responses of text"), self.texts.taken(MAX_TEXTS, sharer):
            yield

    def close(self) -> None:
        """End the processes and threads. Requests under way fail."""
        for each in self._readers:
            each.close()


@contextlib.contextmanager
def _no_room(limit: int, what: str) -> Iterator[None]:
    """Raise Problem 503 if the block finds no room for one more. `what` names the things."""
    try:
        yield
    except NoRoom as error:
        raise unavailable(error.text(limit, what), Code.FILE_UNAVAILABLE) from None


class _Reader:
    """One process, and the requests that wait for it."""

    def __init__(self) -> None:
        self._process = ChildProcess("lines", "runner.lines")
        self._waiting = Places()

    async def read(self, request: Json, sharer: str | None) -> Json:
        """Return the answer to a request."""
        what = "waiting requests for lines"
        try:
            with _no_room(MAX_WAITING, what), self._waiting.taken(MAX_WAITING, sharer):
                answer: Json = await self._process.ask(request, ANSWER_SECONDS)
            return answer
        except ChildTooSlow:
            detail = "the file takes too long to read"
            raise unavailable(detail, Code.FILE_UNAVAILABLE) from None
        except ChildFailed:
            detail = "the lines could not be read now, try again"
            raise unavailable(detail, Code.FILE_UNAVAILABLE) from None

    def close(self) -> None:
        """End the process and its thread. A request under way fails."""
        self._process.close()
