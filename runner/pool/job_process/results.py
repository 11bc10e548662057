"""Converts results and exceptions of a call to text that can be sent to the keeper."""

import errno
from collections.abc import Callable
from typing import Any

from runner.pool.linux.limits import JobLimits
from runner.pool.protocol.answers import MESSAGE_LENGTH, TYPE_LENGTH
from runner.pool.protocol.json_text import parse_json

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


def validated_result(call: Callable[[], str], max_bytes: int) -> bytes:
    """Make a call, and return its result as UTF-8 after checking that it is JSON text.

    Raises the call's exceptions, InvalidResult, and ResultTooLarge above `max_bytes`.
    """
    text = call()
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


def describe_exception(error: BaseException, limits: JobLimits) -> dict[str, Any]:
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


def describe_memory_error(error: MemoryError, limits: JobLimits) -> dict[str, Any]:
    """Return the same fields as `describe_exception`, with the type OutOfMemory and the limit."""
    fields, allowed = describe_exception(error, limits), limits.memory_bytes
    reason = fields["error_message"] or "the job was refused memory"
    limit = "" if allowed is None else f" (JOB_MEMORY_BYTES={allowed})"
    message = f"{reason[: MESSAGE_LENGTH - len(limit)]}{limit}"
    return {**fields, "error_type": "OutOfMemory", "error_message": message}


def _exceeded_limit(error: BaseException, limits: JobLimits) -> str:
    """Return the setting whose limit caused an OSError, in parentheses; "" if none did."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EFBIG and limits.file_bytes is not None:
        return f" (JOB_FILE_BYTES={limits.file_bytes})"
    if number == errno.EMFILE and limits.open_files is not None:
        return f" (JOB_OPEN_FILES={limits.open_files})"
    return ""


def plain_text(text: str, max_length: int) -> str:
    """Return the start of a text, with lone surrogates and NUL escaped: UTF-8 cannot hold the
    former, and PostgreSQL refuses the latter."""
    escaped = text[:max_length].encode("utf-8", "backslashreplace").decode()
    return escaped.replace("\0", "\\x00")[:max_length]
