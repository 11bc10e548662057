"""Formats where an exception was raised, for the developers of job types.

It shows what Python prints: files, line numbers, source lines and the texts of exceptions, chained
ones included, but no values of variables. Frames of the service are left out.
"""

import concurrent.futures
import os
from collections.abc import Iterator
from pathlib import Path
from traceback import FrameSummary, TracebackException

from runner.pool.protocol.answers import TRACEBACK_BYTES

_RUNNER = Path(__file__).parents[2]
_SERVICE = (
    f"{_RUNNER / 'pool'}{os.sep}",
    *(str(_RUNNER / "job_types" / name) for name in ("base.py", "loader.py", "steps.py")),
    f"{Path(concurrent.futures.__file__).parent}{os.sep}",
)
"""Folders and files whose frames say nothing about a job type."""
_MAX_PIECE = 2000
"""Maximum characters of a frame or of an exception's text, so that one leaves room for others."""
_LEFT_OUT = "\n… lines are left out …\n"
_START_BYTES = TRACEBACK_BYTES // 4
_END_BYTES = TRACEBACK_BYTES - _START_BYTES - len(_LEFT_OUT.encode())
"""How much is kept of the start and of the end of a traceback that is too long."""


def describe_traceback(error: BaseException) -> bytes | None:
    """Return the traceback of an exception in UTF-8, at most TRACEBACK_BYTES.

    Returns None if no code of a job type is in it, or if it cannot be formatted.
    """
    try:
        formatted = TracebackException(type(error), error, error.__traceback__, lookup_lines=False)
        chain = list(_chained(formatted))
        for each in chain:
            each.stack[:] = filter(_is_of_job, each.stack)
        if not any(each.stack for each in chain):
            return None
        text = "".join(
            piece if len(piece) <= _MAX_PIECE else _cut(piece) for piece in formatted.format()
        )
    except BaseException:  # the exception's own code can raise anything
        return None
    return _shortened(text.replace("\0", "\\x00").encode("utf-8", "backslashreplace"))


def _chained(error: TracebackException) -> Iterator[TracebackException]:
    """Yield an exception, its causes and contexts, and those of the members of its group."""
    found, seen = [error], set[int]()
    while found:
        each = found.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            found += [other for other in (each.__cause__, each.__context__) if other]
            found += each.exceptions or ()


def _is_of_job(frame: FrameSummary) -> bool:
    return not frame.filename.startswith(_SERVICE)


def _cut(piece: str) -> str:
    return f"{piece[:_MAX_PIECE]} …\n"


def _shortened(text: bytes) -> bytes:
    """Cut the middle out of a text that is too long, at the ends of lines where possible."""
    if len(text) <= TRACEBACK_BYTES:
        return text
    start = text[:_START_BYTES].rpartition(b"\n")[0]
    end = text[-_END_BYTES:].partition(b"\n")[2]
    return _LEFT_OUT.join(each.decode(errors="ignore") for each in (start, end)).encode()
