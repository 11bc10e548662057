"""How long a request wants to wait: `?wait=30`, or `Prefer: wait=30` (RFC 7240)."""

from server.documents.filters import MAX_WAIT_SECONDS
from server.handlers.base import Handler
from server.http.problems import FieldError, unacceptable


def wait_seconds(handler: Handler) -> float:
    """The seconds, 0 if the request does not say. Raises Problem 422."""
    text = handler.get_query_argument("wait", None) or _preferred(handler)
    try:
        seconds = 0.0 if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        allowed = f"seconds from 0 to {MAX_WAIT_SECONDS:.0f}"
        raise unacceptable([FieldError("wait", f"it must be {allowed}")])
    return seconds


def _preferred(handler: Handler) -> str | None:
    preferences = handler.request.headers.get("Prefer", "").split(",")
    pairs = [preference.strip().partition("=") for preference in preferences]
    return next((value.strip() for name, _, value in pairs if name.strip() == "wait"), None)
