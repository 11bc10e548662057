"""Converts results and exceptions of a call to text that can be sent to the keeper."""

import errno
import json
from collections.abc import Callable
from typing import Any

from runner.pool.linux.limits import JobLimits

_TYPE_LENGTH = 200
_MESSAGE_LENGTH = 4000


class InvalidResult(Exception):
    """The entry returned something other than JSON text."""

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
        _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidResult(f"the result is not JSON: {error}") from error
    return data


def describe_exception(error: BaseException, limits: JobLimits) -> dict[str, Any]:
    """Return the error type, message and retryability of an exception.

    Exceptions are sent as text, because many cannot be pickled and unpickled.
    """
    try:
        text = f"{error}{_exceeded_limit(error, limits)}"
        retryable = bool(getattr(error, "retryable", True))
    except BaseException as second:
        text, retryable = f"its message is not available ({type(second).__name__})", True
    return {
        "error_type": escape_surrogates(type(error).__name__[:_TYPE_LENGTH]),
        "error_message": escape_surrogates(text[:_MESSAGE_LENGTH]),
        "retryable": retryable,
    }


def describe_memory_error(error: MemoryError, limits: JobLimits) -> dict[str, Any]:
    """Return the same fields as `describe_exception`, with the type OutOfMemory and the limit."""
    fields, allowed = describe_exception(error, limits), limits.memory_bytes
    reason = fields["error_message"] or "the job was refused memory"
    limit = "" if allowed is None else f" (JOB_MEMORY_BYTES={allowed})"
    return {**fields, "error_type": "OutOfMemory", "error_message": f"{reason}{limit}"}


def _exceeded_limit(error: BaseException, limits: JobLimits) -> str:
    """Return the setting whose limit caused an OSError, in parentheses; "" if none did."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EFBIG and limits.file_bytes is not None:
        return f" (JOB_FILE_BYTES={limits.file_bytes})"
    if number == errno.EMFILE and limits.open_files is not None:
        return f" (JOB_OPEN_FILES={limits.open_files})"
    return ""


def escape_surrogates(text: str) -> str:
    """Escape lone surrogates, which cannot be encoded as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)
"""Refuses NaN, Infinity and -Infinity, which are not JSON."""
