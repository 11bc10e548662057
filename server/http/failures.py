"""What clients are told, and what the log is, of anything that was raised."""

import logging

from tornado.web import HTTPError

from server.http.problems import Problem, full, unavailable
from storage.records.job import StoreError, StoreFull, StoreUnavailable

log = logging.getLogger(__name__)

_DETAILS = {
    400: "the path or the query cannot be read",
    403: "a page of another origin may not do this",
    405: "this method is not supported here",
}


def problem_of(error: BaseException | None, status: int) -> Problem:
    """The problem for anything that was raised; `status` is that of an HTTPError."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StoreFull):
        return full("the disk of the store is full: make room there, and try again")
    if isinstance(error, StoreUnavailable):
        return unavailable("the store cannot take it now, try again")
    if isinstance(error, StoreError):
        return unavailable("the store is damaged or foreign; its operator has to look")
    if isinstance(error, HTTPError):
        return Problem(status, _DETAILS.get(status, "the request is refused"))
    return Problem(500, "an error of ours; it has been logged")


def log_failure(error: BaseException) -> None:
    """Log what is our fault with its traceback, what is the store's in one line."""
    error = error.__cause__ or error if isinstance(error, Problem) else error
    if isinstance(error, StoreError):
        log.warning("the store failed", extra={"reason": str(error)})
    elif not isinstance(error, Problem | HTTPError):
        log.error("unforeseen error", exc_info=error)
