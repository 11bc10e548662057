"""Reads query parameters with Pydantic models, and the wait time of a request."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from tornado.web import RequestHandler

from server.documents.field_errors import field_errors, unknown_name
from server.documents.filters import MAX_WAIT_SECONDS, Query, preferred_wait
from server.http.codes import Code
from server.http.problems import FieldError, unacceptable
from storage.records.json_values import Json

M = TypeVar("M", bound=BaseModel)

MAX_WRONG = 10
"""Wrong names that are reported. A query can have thousands, and a suggestion takes time."""


def require_known_parameters(
    arguments: Mapping[str, Collection[bytes]], models: Collection[type[Query]]
) -> None:
    """Check the names of query parameters: each must be a field of a model, and may be given once.

    Raises Problem 422.
    """
    if errors := list(islice(_wrong_parameters(arguments, models), MAX_WRONG)):
        raise unacceptable(errors, Code.UNKNOWN_PARAMETER)


def _wrong_parameters(
    arguments: Mapping[str, Collection[bytes]], models: Collection[type[Query]]
) -> Iterator[FieldError]:
    known = list(dict.fromkeys(name for model in models for name in model.model_fields))
    repeatable = {name for model in models for name in model.REPEATABLE}
    others = f"; only {' and '.join(sorted(repeatable))} may be repeated" if repeatable else ""
    for name, values in arguments.items():
        shown = name.encode("latin1").decode(errors="replace")[:100]
        if name not in known:
            detail = unknown_name("query parameter", shown, known)
            yield FieldError(shown or "query", detail, "unknown")
        elif len(values) > 1 and name not in repeatable:
            yield FieldError(name, f"it is given more than once{others}", "repeated")


def query_parameters(handler: RequestHandler, lists: Collection[str] = ()) -> Json:
    """Return the query parameters of a request: all values of names in `lists`, else the last."""
    return {
        name: handler.get_query_arguments(name)
        if name in lists
        else handler.get_query_argument(name)
        for name in handler.request.query_arguments
    }


def read_query(
    model: type[M],
    parameters: object,
    sources: Mapping[str, str] | None = None,
    others: Sequence[FieldError] = (),
) -> M:
    """Validate query parameters with a model. Raises Problem 422, which names each parameter.

    `sources` maps each parameter that comes from a header to the header. `others` are errors that
    were found in the query before.
    """
    try:
        query = model.model_validate(parameters)
    except ValidationError as error:
        found = field_errors(error, parameters, model)
        errors = [*others, *(_at_source(each, sources or {}) for each in found)]
        raise unacceptable(errors) from None
    if others:
        raise unacceptable(others)
    return query


def _at_source(error: FieldError, sources: Mapping[str, str]) -> FieldError:
    name = error.field.partition("[")[0]  # of a list item, such as status[0]
    return replace(error, field=sources.get(name, name))


def wait_seconds(handler: RequestHandler, default: float = 0.0) -> float:
    """Return the seconds in `?wait=30` or `Prefer: wait=30` (RFC 7240), or else the default.

    The parameter goes before the preference. If the preference is honoured, the response says so.
    Raises Problem 422.
    """
    if "wait" in handler.request.query_arguments:
        return query_wait_seconds(handler)
    seconds = preferred_wait(handler.request.headers.get("Prefer", ""))
    if seconds is None:
        return default
    handler.set_header("Preference-Applied", f"wait={seconds}")
    return float(seconds)


def query_wait_seconds(handler: RequestHandler) -> float:
    """Return the seconds in `?wait=30`; 0 without it. Raises Problem 422."""
    text = handler.get_query_argument("wait", "0")
    try:
        seconds = -1.0 if "_" in text else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        allowed = f"a number of seconds from 0 to {MAX_WAIT_SECONDS:.0f}"
        raise unacceptable([FieldError("wait", f"it must be {allowed}", "out_of_range")])
    return seconds
