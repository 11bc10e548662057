"""Errors as problem documents (RFC 9457, application/problem+json).

`problem_of` maps every exception to the problem that the client receives.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from tornado.web import HTTPError

from server.http.codes import Code
from storage.records.job import StoreDamaged, StoreError, StoreFull, StoreUnavailable
from storage.records.json_values import Json

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
BODY = "body"
"""The field of an error that concerns the body as a whole."""
MAX_ERRORS = 100
"""Field errors that are reported. A body may contain a hundred thousand of them."""

_TORNADO = {
    400: (Code.MALFORMED_REQUEST, "the path or the query is malformed"),
    403: (Code.FOREIGN_ORIGIN, "a page of another origin may not do this"),
    405: (Code.METHOD_NOT_ALLOWED, "this method is not supported here"),
}
"""The problems for Tornado's own errors, by their status."""


@dataclass(frozen=True)
class FieldError:
    """An error in one field: its path, such as `payload.patterns[0]`, and the reason.

    `code` names the kind of the error. `line` and `column` count from 1, in malformed JSON.
    """

    field: str
    detail: str
    code: str = "invalid"
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.detail if self.field == BODY else f"{self.field}: {self.detail}"

    def document(self) -> dict[str, str | int]:
        """The error as a part of a problem document."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Problem(Exception):
    """An error response.

    `detail` never contains a traceback or an internal name. `members` extends the document beyond
    RFC 9457. `queue` is the queue that an invalid submission names, unless its name is invalid; it
    may not exist.
    """

    queue: str | None = None

    def __init__(
        self,
        code: Code,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: dict[str, str] | None = None,
        members: Json | None = None,
    ):
        super().__init__(code, detail)  # the arguments with which it is unpickled
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}
        self.members = members or {}

    def __str__(self) -> str:
        return self.detail

    @property
    def status(self) -> int:
        """The HTTP status of the response."""
        return self.code.status

    def document(self, request_id: str, root_path: str) -> Json:
        """The problem document, to be encoded as JSON. `root_path` is the setting."""
        document: Json = {
            "type": f"{root_path}{self.code.type}",
            "title": self.code.title,
            "status": self.status,
            "code": str(self.code),
            "detail": self.detail,
            "request_id": request_id,
            **self.members,
        }
        if self.errors:
            document["errors"] = [error.document() for error in self.errors]
        return document


def malformed(detail: str) -> Problem:
    """400: the request cannot be parsed."""
    return Problem(Code.MALFORMED_REQUEST, detail)


def unacceptable(errors: Iterable[FieldError], code: Code = Code.INVALID_REQUEST) -> Problem:
    """422: the request can be parsed, but some of its fields are invalid."""
    errors = tuple(islice(errors, MAX_ERRORS))
    detail = "; ".join(f"{e.field}: {e.detail}" for e in errors[:3])
    return Problem(code, detail, errors)


def joined(problems: Sequence[Problem]) -> Problem:
    """One problem with the errors of several, and the code of the one with the lowest status."""
    first = min(problems, key=lambda problem: problem.status)
    errors = list(islice(chain.from_iterable(each.errors for each in problems), MAX_ERRORS))
    return Problem(first.code, "; ".join(each.detail for each in problems[:3]), errors)


def too_large(subject: str, limit: int, code: Code = Code.BODY_TOO_LARGE) -> Problem:
    """413: `subject`, such as "the body", exceeds its limit in bytes."""
    return Problem(code, f"{subject} is larger than the limit of {limit} bytes")


def unavailable(detail: str, code: Code = Code.STORE_UNAVAILABLE, **members: str) -> Problem:
    """503: the store cannot handle the request now."""
    return Problem(code, detail, headers={"Retry-After": "1"}, members=members)


def insufficient_storage(detail: str) -> Problem:
    """507: a disk is full, or nearly full."""
    return Problem(Code.DISK_FULL, detail, headers={"Retry-After": "60"})


def problem_of(error: BaseException | None, status: int) -> Problem:
    """The problem for any exception. `status` is used only for Tornado's HTTPError."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StoreFull):
        return insufficient_storage("the disk of the store is full: free some space and try again")
    if isinstance(error, StoreUnavailable):
        return unavailable("the store is not available now, try again")
    if isinstance(error, StoreDamaged):
        detail = "the database is damaged: its operator must restore a copy and restart the service"
        return unavailable(detail, Code.STORE_DAMAGED)
    if isinstance(error, StoreError):
        detail = "the store is damaged or incompatible; its operator must repair it"
        return unavailable(detail, Code.STORE_DAMAGED)
    if isinstance(error, HTTPError) and status < 500:
        return Problem(*_TORNADO.get(status, (Code.MALFORMED_REQUEST, "the request is refused")))
    return Problem(Code.INTERNAL_ERROR, "internal error; it has been logged")


def log_failure(error: BaseException, request_id: str) -> None:
    """Log an exception: unexpected ones with a traceback, errors of the store in one line.

    Other problems and HTTP errors are the client's, and are not logged here. The store itself logs
    that it is damaged, once.
    """
    error = error.__cause__ or error if isinstance(error, Problem) else error
    if isinstance(error, StoreDamaged):
        return
    if isinstance(error, StoreError):
        log.warning("the store failed", extra={"reason": str(error), "request_id": request_id})
    elif not isinstance(error, Problem | HTTPError):
        log.error("unforeseen error", exc_info=error, extra={"request_id": request_id})
