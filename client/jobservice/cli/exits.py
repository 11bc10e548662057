"""Exit codes, and the messages of errors, in the words of the command line: those of the service
speak of HTTP."""

import re
from functools import partial

from jobservice.cli import program
from jobservice.cli.output import formats
from jobservice.errors import (
    ApiError,
    ConnectionFailed,
    JobCanceled,
    JobServiceError,
    WaitTimeout,
    in_python,
)
from jobservice.json_values import Json

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

_OPTIONS = {
    "created_after": "--after",
    "created_before": "--before",
    "finished_after": "--ended-after",
    "finished_before": "--ended-before",
    "schedule": "--schedule",
    "submitted_by": "--submitted-by",
    "status": "--status",
    "failure": "--failure",
    "since": "--since",
    "queue": "--queue",
    "priority": "--priority",
    "timeout": "--timeout",
    "delay": "--delay",
    "run_at": "--run-at",
    "max_retries": "--max-retries",
    "max_losses": "--max-losses",
    "tag": "--tag",
    "tags": "--tag",
    "metadata": "--metadata",
    "keep_for": "--keep-for",
    "memory_bytes": "--memory",
    "cpu_seconds": "--cpu-time",
    "max_output_bytes": "--max-output",
    "nice": "--nice",
    "expires_in": "--expires-in",
    "expires_at": "--expires-at",
    "finish_by": "--finish-by",
    "backoff": "--backoff",
    "after": "--after",
    "on_failure": "--on-failure",
    "filename": "--file",
    "file": "--file",
    "files": "--file",
    "upload": "--upload",
    "upload.id": "--upload",
    "upload.sha256": "--by-hash",
    "upload.name": "--file",
    "input": "--input-from",
    "input.from": "--input-from",
    "unique_key": "--unique-key",
    "unique": "--unique",
    "if_exists": "--if-exists",
    "concurrency_key": "--concurrency-key",
    "max_per_key": "--max-per-key",
    "callback_url": "--callback-url",
    "cron": "--cron",
    "every": "--every",
    "timezone": "--timezone",
    "missed": "--missed",
    "overlap": "--overlap",
    "until": "--until",
}
"""The option of each field of a filter, a submission, a change or a schedule."""
_DURATIONS = ("--timeout", "--delay", "--keep-for", "--expires-in", "--every", "--cpu-time")
"""The options whose numbers are seconds for the service."""
_COMMANDS = (
    (r"POST /uploads\b", "upload FILE"),
    (r"GET /uploads\b", "uploads"),
    (r"DELETE /uploads/ID\b", "uploads delete ID"),
    (r"PUT /pattern-sets/NAME\b", "pattern-sets save NAME FILE"),
    (r"GET /pattern-sets\b", "pattern-sets"),
    (r"PUT /schedules/NAME\b", "schedules put NAME TYPE"),
    (r"GET /schedules\b", "schedules"),
    (r"PUT /queues/([\w.-]+)", r"queues create \1"),
    (r"GET /queues\b", "queues"),
    (r"GET /failures\b", "failures list"),
    (r"GET /audit\b", "audit"),
    (r"POST /jobs/([\w-]+)/(cancel|retry)\b", r"\2 \1"),
    (r"DELETE /jobs/([\w-]+)", r"delete \1"),
    (r"GET /jobs/([\w-]+)", r"show \1"),
)
"""Patterns of requests, and the commands that send them."""
_ABSENT_SCHEDULE = ("PUT /schedules/NAME creates one", "GET /schedules lists all")
"""The hint of the service, and one for those who show, run, pause or delete a schedule."""
_NAMES = "|".join(map(re.escape, sorted(_OPTIONS, key=len, reverse=True)))
_LONG_NAMES = "|".join(name for name in _OPTIONS if "_" in name)
"""Names that cannot be ordinary words of a sentence."""
_FIELD = re.compile(rf"(?:options\.)?({_NAMES})(?:\[\d+\])?: ")
_PHRASES = (
    (r"\bgive cron, for example \"([^\"]*)\", or every\b.*", r"give --cron '\1', or --every 1h"),
    (
        r"\bsend multipart/form-data with a file part named filename\b",
        "give a PATH, or --upload ID",
    ),
    (rf"\bgive either ({_NAMES}) or ({_NAMES})\b", r"give either {1} or {2}"),
    (rf"\ba ({_NAMES})(?=, for example)", r"{1}"),
    (rf"\"({_NAMES})\": \[?\"([^\"]*)\"\]?", r"{1} \2"),
    (rf"(?<![-\w\"])({_LONG_NAMES})(?![\w\"])", r"{1}"),
    (r"\b(missed|overlap|unique|if_exists|on_failure): (?=\w)", r"{1} "),
)
"""Patterns of what the texts say of fields, and what is said instead; {1} is an option."""
_REPEATED = re.compile(r"^(--[\w-]+): (?=\1 |give )|^body: (?=give )")
"""The name of an option before a text that names it itself."""
_SECONDS = re.compile(r"(?<![\w.:+-])(\d+)(?:\.0+)?( s\b)?(?![\w:+-]|\.\d)")


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
        text = in_commands(error.detail or error.title)
        text = text or f"the service answered {error.status}"
        return f"{text} ({named or f'status {error.status}'})"
    return str(error)


def document_of(error: Exception) -> Json:
    """The error as JSON, for `--json`."""
    document: Json = {"message": str(error), "exit_code": of_error(error)}
    if isinstance(error, ApiError):
        said = in_commands(error.detail)
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


def in_commands(detail: str) -> str:
    """Replace requests by commands, fields by options, and seconds by durations with a unit."""
    text = "; ".join(map(_in_options, detail.split("; "))).replace(*_ABSENT_SCHEDULE)
    for request, command in _COMMANDS:
        text = re.sub(f"`?{request}`?", f"`{program.name()} {command}`", text)
    return text


def _in_options(error: str) -> str:
    """The text of one error, which begins with its field. Fields of files stay as they are."""
    field = _FIELD.match(error)
    if not field and not error.startswith("body: "):
        return error
    option, text = (_OPTIONS[field[1]], error[field.end() :]) if field else ("", error)
    for pattern, words in _PHRASES:
        text = re.sub(pattern, partial(_filled, words), text)
    if option in _DURATIONS:
        text = _SECONDS.sub(_duration, text).replace("a whole number", "a number of whole seconds")
    return _REPEATED.sub("", f"{option}: {text}" if option else text)


def _filled(words: str, found: re.Match[str]) -> str:
    """What is said in place of a match."""
    options = re.sub(r"\{(\d)\}", lambda place: _OPTIONS[found[int(place[1])]], words)
    return found.expand(options)


def _duration(found: re.Match[str]) -> str:
    """Seconds with a unit; small numbers without one stay as they are."""
    seconds = int(found[1])
    return formats.given_duration(seconds) if seconds >= 60 or found[2] else found[0]


EXPECTED = (CommandError, JobServiceError)
"""Errors that are reported in one line. All others are faults of this program."""
