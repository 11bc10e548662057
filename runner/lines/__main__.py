"""`python -m runner.lines`: answers requests of a listener until it closes the connection.

Only a listener starts it, with a connection as its standard input.
"""

import contextlib
import logging
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from loganalysis import FileChanged, LineReader
from runner.remote.file import RemoteChanged, RemoteFile, RemoteMissing

log = logging.getLogger(__name__)


def main(listener: Connection) -> None:
    """Answer requests. Raises EOFError when the listener has gone."""
    answers = Answers()
    while True:
        request = listener.recv()
        try:
            answer = answers.answer(request)
        except Exception:
            log.exception("lines of a file could not be read")
            answer = {"kind": "unavailable", "detail": "the lines could not be read"}
        listener.send(answer)


class Answers:
    """Answers one request after the other, as a LineReader does."""

    def __init__(self) -> None:
        self._reader = LineReader()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request, which also has the `path` or the `url` of the file.

        Further kinds of answers have `detail`: `gone` and `unavailable`.
        """
        path = request.get("path")
        source = Path(path) if path else RemoteFile(request["url"], request["size"])
        try:
            return self._reader.answer(request, source)
        except (RemoteMissing, RemoteChanged, FileNotFoundError, FileChanged) as error:
            self._reader.forget(request)
            detail = "" if isinstance(error, FileNotFoundError) else f": {error}"
            return {"kind": "gone", "detail": f"the file was deleted or changed{detail}"}
        except OSError as error:
            reason = error.strerror or str(error)
            return {"kind": "unavailable", "detail": f"the file cannot be read now: {reason}"}


if __name__ == "__main__":
    with contextlib.suppress(EOFError, BrokenPipeError):
        main(Connection(sys.stdin.fileno()))
