"""Converts results and exceptions of a call to text that can be sent to the keeper."""

import concurrent.futures
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from traceback import FrameSummary, TracebackException

from runner.pool.protocol.answers import MESSAGE_LENGTH, TRACEBACK_BYTES, TYPE_LENGTH, parse_json
from runner.pool.protocol.setup import JobLimits
from storage.records.json_values import Json

_NAME = vars(type)["__name__"]
"""Reads the name of a class, also if its metaclass has an attribute of this name."""


class InvalidResult(Exception):
    """The entry returned something other than JSON text."""

    retryable = False


class InvalidProgress(Exception):
    """The entry reported something other than the JSON text of an object."""

    retryable = False


class ResultTooLarge(Exception):
    """The result is larger than the limit."""

    retryable = False


def validated_result(text: str, max_bytes: int) -> bytes:
    """Return a result as UTF-8 after checking that it is JSON text.

    Raises InvalidResult, and ResultTooLarge above `max_bytes`.
    """
    if not isinstance(text, str):
        raise InvalidResult(f"a result is JSON text, not of type {type(text).__name__}")
    try:
        data = text.encode()
        if len(data) > max_bytes:
            raise ResultTooLarge(f"the result has {len(data)} bytes, more than {max_bytes}")
        parse_json(data)
    except ValueError as error:
        raise InvalidResult(f"the result is not JSON: {error}") from error
    return data


def validated_progress(text: str) -> str:
    """Return progress after checking that it is the JSON text of an object.

    Raises InvalidProgress.
    """
    if not isinstance(text, str):
        raise InvalidProgress(f"progress is JSON text, not of type {type(text).__name__}")
    try:
        if not isinstance(parse_json(text.encode()), dict):
            raise InvalidProgress("progress is not a JSON object")
    except ValueError as error:
        raise InvalidProgress(f"progress is not JSON: {error}") from error
    return text


def describe_exception(error: BaseException, limits: JobLimits) -> Json:
    """Return the error type, message and retryability of an exception.

    Exceptions are sent as text, because many cannot be pickled and unpickled.
    """
    name, retryable = _NAME.__get__(type(error)), True
    try:
        text = f"{error}{_exceeded_limit(error, limits)}"
        retryable = bool(getattr(error, "retryable", True))
    except BaseException as second:
        text = f"its message is not available ({_NAME.__get__(type(second))})"
    return {
        "error_type": plain_text(name, TYPE_LENGTH),
        "error_message": plain_text(text, MESSAGE_LENGTH),
        "retryable": retryable,
    }


def describe_memory_error(error: MemoryError, limits: JobLimits) -> Json:
    """Return the same fields as `describe_exception`, with the type OutOfMemory and the limit."""
    fields, allowed = describe_exception(error, limits), limits.memory_bytes
    reason = fields["error_message"] or "the job was refused memory"
    limit = "" if allowed is None else f" ({limits.named('memory_bytes')})"
    message = f"{reason[: MESSAGE_LENGTH - len(limit)]}{limit}"
    return {**fields, "error_type": "OutOfMemory", "error_message": message}


def _exceeded_limit(error: BaseException, limits: JobLimits) -> str:
    """Return the setting whose limit caused an OSError, in parentheses; "" if none did."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EFBIG and limits.file_bytes is not None:
        return f" (JOB_FOLDER_BYTES={limits.file_bytes})"
    return ""


def plain_text(text: str, max_length: int) -> str:
    """Return the start of a text, with lone surrogates and NUL escaped: UTF-8 cannot hold the
    former, and PostgreSQL refuses the latter."""
    escaped = text[:max_length].encode("utf-8", "backslashreplace").decode()
    return escaped.replace("\0", "\\x00")[:max_length]


_RUNNER = Path(__file__).parents[2]
_SERVICE = (
    f"{_RUNNER / 'pool'}{os.sep}",
    str(_RUNNER / "job_types" / "base.py"),
    f"{_RUNNER / 'job_types' / 'commands'}{os.sep}",
    f"{_RUNNER / 'job_types' / 'registry'}{os.sep}",
    f"{_RUNNER / 'job_types' / 'functions'}{os.sep}",
    f"{Path(concurrent.futures.__file__).parent}{os.sep}",
    f"{Path(concurrent.futures.__file__).parents[2] / 'asyncio'}{os.sep}",
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

    It shows what Python prints: files, line numbers, source lines and the texts of exceptions,
    chained ones included, but no values of variables. Frames of the service are left out.
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
    """Yield an exception, then its causes, contexts and group members, and all of theirs."""
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
