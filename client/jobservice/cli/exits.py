"""Exit codes, and the messages of errors."""

from jobservice.cli import wording
from jobservice.errors import (
    ApiError,
    ConnectionFailed,
    JobCanceled,
    JobServiceError,
    WaitTimeout,
)
from jobservice.json_values import Json
from jobservice.wording import in_python

SUCCEEDED = 0
FAILED = 1
USAGE = 2
CANCELED = 3
UNREACHABLE = 4
DIFFERENT = 5
TIMEOUT = 124
INTERRUPTED = 130

OF_STATUS = {"succeeded": SUCCEEDED, "failed": FAILED, "canceled": CANCELED}

INVALID_REQUEST = (400, 413, 415, 422)
"""Statuses of requests that fail however often they are sent."""


class CommandError(Exception):
    """A command cannot do its work. `exit_code` says why, `details` are for `--json`."""

    def __init__(self, message: str, exit_code: int = FAILED, **details: object):
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.details = details


def of_statuses(statuses: list[str]) -> int:
    """The exit code for several jobs: a failed job counts before a canceled one."""
    codes = {OF_STATUS.get(status, FAILED) for status in statuses}
    return next((code for code in (FAILED, CANCELED) if code in codes), SUCCEEDED)


def of_error(error: Exception) -> int:
    """The exit code for an error of the client or of a command."""
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, ConnectionFailed):
        return UNREACHABLE
    if isinstance(error, WaitTimeout):
        return TIMEOUT
    if isinstance(error, JobCanceled):
        return CANCELED
    if isinstance(error, ApiError) and error.status in INVALID_REQUEST:
        return USAGE
    return FAILED


def message_of(error: Exception) -> str:
    """One line that says what is wrong, with code, field and request id if the API sent them."""
    if isinstance(error, ApiError):
        known = {"code": error.code, "field": error.field, "request id": error.request_id}
        named = ", ".join(f"{name} {value}" for name, value in known.items() if value)
        text = wording.in_commands(error.detail or error.title)
        text = text or f"the service answered {error.status}"
        return f"{text} ({named or f'status {error.status}'})"
    return str(error)


def document_of(error: Exception) -> Json:
    """The error as JSON, for `--json`."""
    document: Json = {"message": str(error), "exit_code": of_error(error)}
    if isinstance(error, ApiError):
        said = wording.in_commands(error.detail)
        document |= {
            "message": str(error).replace(in_python(error.detail), said, 1),
            "status": error.status,
            "code": error.code,
            "field": error.field,
            "request_id": error.request_id,
        }
    if isinstance(error, CommandError):
        document |= error.details
    return {"error": document}


EXPECTED = (CommandError, JobServiceError)
"""Errors that are reported in one line. All others are faults of this program."""
