"""Turns the errors of Pydantic models into errors of fields, with suggestions for unknown names."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from runner.job_types.payload_errors import ValueFlaw, flaws
from server.http.problems import BODY, MAX_ERRORS, FieldError, unacceptable

M = TypeVar("M", bound=BaseModel)


def read_document(model: type[M], document: Any) -> M:
    """Validate a body with a model. Raises Problem 422, which names each field."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise unacceptable(field_errors(error, document, model)) from None


def field_errors(
    error: ValidationError, document: Any, model: type[BaseModel], prefix: str = ""
) -> Iterator[FieldError]:
    """Yield the errors that `model` has found in `document`, which is the field `prefix`.

    They end when there are more than a response has, because a suggestion takes time.
    """
    for flaw in islice(flaws(error, document, model), MAX_ERRORS):
        yield FieldError(_field(prefix, flaw.path), _detail(flaw), flaw.code)


def unknown_name(kind: str, name: str, known: Collection[str]) -> str:
    """Say that `name` is an unknown `kind`, and what the client may have meant."""
    known = sorted(known)
    names = f"the known ones are {', '.join(known)}" if known else "there are none"
    return f"unknown {kind}{did_you_mean(name, known)}; {names}"


def _field(prefix: str, path: str) -> str:
    separator = "." if prefix and path and not path.startswith("[") else ""
    return f"{prefix}{separator}{path}" or BODY


def _detail(flaw: ValueFlaw) -> str:
    if not flaw.known:
        return flaw.detail
    return unknown_name("field", flaw.path.rpartition(".")[2], flaw.known)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a text such as "; did you mean status?", empty if no known name is similar."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name[:100].lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""
