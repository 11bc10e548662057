"""Reads query parameters with Pydantic models, and the wait time of a request."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from tornado.web import RequestHandler

from server.documents.filters import MAX_WAIT_SECONDS
from server.documents.submission import field_errors
from server.http.problems import FieldError, unacceptable

M = TypeVar("M", bound=BaseModel)


def query_parameters(handler: RequestHandler) -> dict[str, str]:
    """Return the query parameters of a request; the last value of a repeated one."""
    return {name: handler.get_query_argument(name) for name in handler.request.query_arguments}


def read_query(model: type[M], parameters: object) -> M:
    """Validate query parameters with a model. Raises Problem 422, which names each parameter."""
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        # An error in a list item has a path such as status.0: report the parameter's name.
        errors = field_errors(error)
        by_name = [FieldError(each.field.partition(".")[0], each.detail) for each in errors]
        raise unacceptable(by_name) from None


def wait_seconds(handler: RequestHandler) -> float:
    """Return the seconds in `?wait=30` or `Prefer: wait=30` (RFC 7240); 0 if there is neither.

    Raises Problem 422.
    """
    text = handler.get_query_argument("wait", None) or _preferred_wait(handler)
    try:
        seconds = 0.0 if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        allowed = f"a number of seconds from 0 to {MAX_WAIT_SECONDS:.0f}"
        raise unacceptable([FieldError("wait", f"it must be {allowed}")])
    return seconds


def _preferred_wait(handler: RequestHandler) -> str | None:
    preferences = handler.request.headers.get("Prefer", "").split(",")
    pairs = [preference.strip().partition("=") for preference in preferences]
    return next((value.strip() for name, _, value in pairs if name.strip() == "wait"), None)
