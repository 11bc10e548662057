"""Errors as RFC 9457 describes them, application/problem+json. Imports nothing of ours."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

CONTENT_TYPE = "application/problem+json"
MAX_ERRORS = 100
"""Fields that are named; a body may have a hundred thousand that are wrong."""


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field: its path, as in payload.seconds, and the reason."""

    field: str
    detail: str


class Problem(Exception):
    """An answer that is an error. `detail` never has a traceback or an internal name in it;
    `members` are more of the document than RFC 9457 knows."""

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
        """The members of the answer."""
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
    """400: the request cannot be read."""
    return Problem(400, detail)


def unacceptable(errors: Iterable[FieldError]) -> Problem:
    """422: the request can be read, but fields of it cannot be accepted."""
    errors = tuple(islice(errors, MAX_ERRORS))
    return Problem(422, "; ".join(f"{e.field}: {e.detail}" for e in errors[:3]), errors)


def too_large(what: str, limit: int) -> Problem:
    """413: something is over its limit in bytes."""
    return Problem(413, f"{what} is larger than the limit of {limit} bytes")


def unavailable(detail: str, **members: str) -> Problem:
    """503: the store cannot take it now."""
    return Problem(503, detail, headers={"Retry-After": "1"}, members=members)


def full(detail: str) -> Problem:
    """507: there is no room for it."""
    return Problem(507, detail, headers={"Retry-After": "60"})
