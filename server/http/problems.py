"""Errors as problem documents (RFC 9457, application/problem+json).

`problem_of` maps every exception to the problem that the client receives.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

from tornado.web import HTTPError

from storage.records.job import StoreError, StoreFull, StoreUnavailable

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
MAX_ERRORS = 100
"""Field errors that are reported. A body may contain a hundred thousand of them."""

_DETAILS = {
    400: "the path or the query is malformed",
    403: "a page of another origin may not do this",
    405: "this method is not supported here",
}


@dataclass(frozen=True)
class FieldError:
    """An error in one field: its path, such as `payload.seconds`, and the reason."""

    field: str
    detail: str


class Problem(Exception):
    """An error response.

    `detail` never contains a traceback or an internal name. `members` extends the document beyond
    RFC 9457.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: dict[str, str] | None = None,
        members: dict[str, str] | None = None,
    ):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}
        self.members = members or {}

    def document(self) -> dict[str, Any]:
        """The problem document, to be encoded as JSON."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        if self.errors:
            document["errors"] = [vars(error) for error in self.errors]
        return document


def malformed(detail: str) -> Problem:
    """400: the request cannot be parsed."""
    return Problem(400, detail)


def unacceptable(errors: Iterable[FieldError]) -> Problem:
    """422: the request can be parsed, but some of its fields are invalid."""
    errors = tuple(islice(errors, MAX_ERRORS))
    return Problem(422, "; ".join(f"{e.field}: {e.detail}" for e in errors[:3]), errors)


def too_large(subject: str, limit: int) -> Problem:
    """413: `subject`, such as "the body", exceeds its limit in bytes."""
    return Problem(413, f"{subject} is larger than the limit of {limit} bytes")


def unavailable(detail: str, **members: str) -> Problem:
    """503: the store cannot handle the request now."""
    return Problem(503, detail, headers={"Retry-After": "1"}, members=members)


def insufficient_storage(detail: str) -> Problem:
    """507: a disk is full, or nearly full."""
    return Problem(507, detail, headers={"Retry-After": "60"})


def problem_of(error: BaseException | None, status: int) -> Problem:
    """The problem for any exception. `status` is used only for Tornado's HTTPError."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StoreFull):
        return insufficient_storage("the disk of the store is full: free some space and try again")
    if isinstance(error, StoreUnavailable):
        return unavailable("the store is not available now, try again")
    if isinstance(error, StoreError):
        return unavailable("the store is damaged or incompatible; its operator must repair it")
    if isinstance(error, HTTPError):
        return Problem(status, _DETAILS.get(status, "the request is refused"))
    return Problem(500, "internal error; it has been logged")


def log_failure(error: BaseException) -> None:
    """Log an exception: unexpected ones with a traceback, errors of the store in one line.

    Other problems and HTTP errors are the client's, and are not logged here.
    """
    error = error.__cause__ or error if isinstance(error, Problem) else error
    if isinstance(error, StoreError):
        log.warning("the store failed", extra={"reason": str(error)})
    elif not isinstance(error, Problem | HTTPError):
        log.error("unforeseen error", exc_info=error)
