"""Turns the errors of Pydantic models into errors of fields, with suggestions for unknown names."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from loganalysis import flaws
from server.http.problems import BODY, MAX_ERRORS, FieldError, unacceptable
from storage.records.json_values import JsonValue

M = TypeVar("M", bound=BaseModel)

MAX_NAMES = 60
"""How many known names an error lists."""


def read_document(model: type[M], document: JsonValue) -> M:
    """Validate a body with a model. Raises Problem 422, which names each field."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise unacceptable(field_errors(error, document, model)) from None


def field_errors(
    error: ValidationError, document: JsonValue, model: type[BaseModel], prefix: str = ""
) -> Iterator[FieldError]:
    """Yield the errors that `model` has found in `document`, which is the field `prefix`.

    They end when there are more than a response has, because a suggestion takes time.
    """
    for flaw in islice(flaws(error, document, model), MAX_ERRORS):
        separator = "." if prefix and flaw.path and not flaw.path.startswith("[") else ""
        name = flaw.path.rpartition(".")[2]
        detail = unknown_name("field", name, flaw.known) if flaw.known else flaw.detail
        yield FieldError(f"{prefix}{separator}{flaw.path}" or BODY, detail, flaw.code)


def unknown_name(kind: str, name: str, known: Collection[str]) -> str:
    """Say that `name` is an unknown `kind`, and what the client may have meant."""
    known = sorted(known)
    more = f" and {len(known) - MAX_NAMES} more" if len(known) > MAX_NAMES else ""
    shown = ", ".join(known[:MAX_NAMES])
    names = f"the known ones are {shown}{more}" if known else "there are none"
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name[:100].lower(), by_lower, n=1)
    suggestion = f"; did you mean {by_lower[close[0]]}?" if close else ""
    return f"unknown {kind}{suggestion}; {names}"
