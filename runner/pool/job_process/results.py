"""What came of a call, in words that can cross to the keeper.

Imports nothing of ours but the pool's.
"""

import errno
import json
from collections.abc import Callable
from typing import Any

from runner.pool.linux.limits import JobLimits

_TYPE_LENGTH = 200
_MESSAGE_LENGTH = 4000


class InvalidResult(Exception):
    """The entry returned something else than JSON text."""

    retryable = False


class ResultTooLarge(Exception):
    """The result has more bytes than a result may have."""

    retryable = False


def proved_result(call: Callable[[], str], max_bytes: int) -> bytes:
    """The result of a call, proved to be JSON within bounds."""
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


def described(error: BaseException, limits: JobLimits) -> dict[str, Any]:
    """An exception in words: most of its kind cannot be trusted to cross as objects."""
    try:
        text = f"{error}{_limit_met(error, limits)}"
        retryable = bool(getattr(error, "retryable", True))
    except BaseException as second:
        text, retryable = f"its message cannot be had ({type(second).__name__})", True
    return {
        "error_type": clean(type(error).__name__[:_TYPE_LENGTH]),
        "error_message": clean(text[:_MESSAGE_LENGTH]),
        "retryable": retryable,
    }


def refused_memory(error: MemoryError, limits: JobLimits) -> dict[str, Any]:
    """The same for a job that was refused memory."""
    words, allowed = described(error, limits), limits.memory_bytes
    reason = words["error_message"] or "the job was refused memory"
    limit = "" if allowed is None else f" (JOB_MEMORY_BYTES={allowed})"
    return {**words, "error_type": "OutOfMemory", "error_message": f"{reason}{limit}"}


def _limit_met(error: BaseException, limits: JobLimits) -> str:
    """The limit that an error of the system is owed to, if it is."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EFBIG and limits.file_bytes is not None:
        return f" (JOB_FILE_BYTES={limits.file_bytes})"
    if number == errno.EMFILE and limits.open_files is not None:
        return f" (JOB_OPEN_FILES={limits.open_files})"
    return ""


def clean(text: str) -> str:
    """Without lone surrogates, which fit no pipe and no database."""
    return text.encode("utf-8", "backslashreplace").decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)
