"""The exceptions of the client.

JobServiceError
├── ApiError           the service refused a request
├── ConnectionFailed   the service cannot be reached, or the connection broke
├── WaitTimeout        a job was not final in time; also a TimeoutError
├── FileDamaged        the file of a job cannot be read to its end
├── FileChanged        a file has changed while it was uploaded
├── JobFailed          the result of a job that failed was requested
└── JobCanceled        the result of a job that was canceled was requested

"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobservice.json_values import Json, JsonValue

if TYPE_CHECKING:
    from jobservice.documents import ErrorData

NOT_OURS = (400, 404, 405, 501)
"""What other servers answer to requests that they do not know."""
MAX_TEXT = 300
"""How many characters of a response that is not JSON are kept."""

_WORDS = (
    (r"\bsend multipart/form-data with a file part named filename\b", "give file=PATH"),
    (r"\binput\.from\b|^input(?=: )", "input_from"),
    (r"\bupload\.sha256\b", "file"),
    (r"^filename(?=: )", "file"),
    (r"`?POST /uploads\b`?", "client.uploads.send(FILE)"),
    (r"`?PUT /pattern-sets/NAME\b`?", "client.put_pattern_set(NAME, PATTERNS)"),
    (r"`?GET /pattern-sets\b`?", "client.pattern_sets()"),
    (r"`?PUT /schedules/NAME\b`?", "client.schedules.put(NAME, TYPE)"),
    (r"`?GET /schedules\b`?", "client.schedules.list()"),
    (r"`?PUT /queues/([\w.-]+)`?", r"client.put_queue('\1')"),
    (r"`?GET /queues\b`?", "client.queues()"),
    (r"`?GET /failures\b`?", "client.failures.list()"),
    (r"`?POST /jobs/([\w-]+)/(cancel|retry)\b`?", r"client.get('\1').\2()"),
    (r"`?DELETE /jobs/([\w-]+)`?", r"client.get('\1').delete()"),
    (r"`?GET /jobs/([\w-]+)`?", r"client.get('\1')"),
)
"""Patterns of fields and requests, and the words of this client for them."""


class JobServiceError(Exception):
    """Base class of all exceptions that this package raises."""


class ApiError(JobServiceError):
    """The service refused a request.

    status: the status of the HTTP response.
    code: the kind of the error, such as invalid_request. docs/errors.md lists all codes. It is None
    for a response of another program, for example a proxy.
    title: a short name of the code.
    detail: the fault of this request, in the words of HTTP; `str(error)` has those of Python.
    field: the first invalid field, or None.
    errors: for each invalid field, an object with `field`, `detail` and `code`.
    request_id: the id of the request, which is also in the log of the listener.
    job_id: the id of a job that may or may not have been stored, or that holds the unique key.
    None for all other errors.
    retry_after: seconds after which the service wants to be asked again, else None.
    """

    def __init__(
        self, status: int, problem: Mapping[str, JsonValue], *, retry_after: float | None = None
    ):
        self.status = status
        self.code: str | None = problem.get("code")
        self.title = str(problem.get("title") or "")
        self.detail = str(problem.get("detail") or "")
        self.errors: list[Json] = list(problem.get("errors") or ())
        self.field: str | None = next((each.get("field") for each in self.errors), None)
        self.request_id: str | None = problem.get("request_id")
        self.job_id: str | None = problem.get("job_id")
        self.retry_after = retry_after
        super().__init__(status, problem)

    def __str__(self) -> str:
        detail = in_python(self.detail or self.title or "no reason given")
        text = f"{detail} ({self.code or 'HTTP'}"
        text += f" {self.status}" if self.code is None else f", status {self.status}"
        return text + (f", request {self.request_id})" if self.request_id else ")")


class ConnectionFailed(JobServiceError):
    """The service cannot be reached, or the connection broke before the response.

    is_permanent: whether it is useless to try again, for example because a certificate is wrong.
    """

    def __init__(self, message: str, *, is_permanent: bool = False):
        super().__init__(message)
        self.is_permanent = is_permanent


class FileDamaged(JobServiceError):
    """The file of a job cannot be read to its end. All lines before the damage were returned."""


class FileChanged(JobServiceError):
    """The service has other bytes than the file: it has changed since its upload was begun."""


class WaitTimeout(JobServiceError, TimeoutError):
    """Jobs were not final in time. They continue, and `jobs` holds them."""

    def __init__(self, message: str, jobs: Sequence[Any] = ()):
        super().__init__(message)
        self.jobs = list(jobs)

    @property
    def job(self) -> Any:
        """The first job that is not final; None if no job is known."""
        return self.jobs[0] if self.jobs else None


class JobFailed(JobServiceError):
    """A job failed. `job` is the job, `error` has the `type` and the `message` of its error."""

    def __init__(self, job: Any, error: ErrorData | None):
        reason = f"{error.type}: {error.message}" if error else "no reason is known"
        super().__init__(f"job {job.id} failed: {reason}")
        self.job = job
        self.error = error


class JobCanceled(JobServiceError):
    """A job was canceled. `job` is the job, `error` says why if the service has canceled it."""

    def __init__(self, job: Any):
        by, error = job.data.canceled_by, _cancel_reason(job.data)
        reason = f": {error.type}: {error.message}" if error else ""
        super().__init__(f"job {job.id} was canceled{f' by {by}' if by else ''}{reason}")
        self.job = job
        self.error: ErrorData | None = error


def _cancel_reason(data: Any) -> ErrorData | None:
    """The error of a canceled job, unless it is that of an attempt before the cancel."""
    error: ErrorData | None = data.error
    return None if any(each.error == error for each in data.attempts) else error


def read_problem(status: int, reason: str, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Build the exception for a response; `headers` has lower-case names."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "status" not in problem:
        detail = _plain_detail(status, headers, body)
        if status in NOT_OURS and "x-request-id" not in headers:
            detail = f"{detail or reason}: is this the address of a Job Service?"
        problem = {"title": reason, "detail": detail}
        problem["request_id"] = headers.get("x-request-id")
    return ApiError(status, problem, retry_after=read_retry_after(headers.get("retry-after")))


def read_retry_after(value: str | None) -> float | None:
    """The seconds of a header Retry-After; None without one, or if it is no number."""
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None


def _plain_detail(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """The text of a response that is not a problem document."""
    target = headers.get("location")
    if 300 <= status < 400 and target:
        return f"the address redirects to {target}: use that one"
    is_text = headers.get("content-type", "").startswith("text/plain")
    return body.decode(errors="replace").strip()[:MAX_TEXT] if is_text else ""


def in_python(detail: str) -> str:
    """Replace requests by calls, and fields by arguments of `Client.submit`."""
    for pattern, words in _WORDS:
        detail = re.sub(pattern, words, detail)
    return detail
