"""`python -m runner.lines`: answers requests of a listener until it closes the connection.

Only a listener starts it, with a connection as its standard input.
"""

import contextlib
import logging
import sys
from multiprocessing.connection import Connection

from runner.lines.answers import Answers

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


if __name__ == "__main__":
    with contextlib.suppress(EOFError, BrokenPipeError):
        main(Connection(sys.stdin.fileno()))
