"""Writes the JSON of requests, and names what cannot be JSON. Imports nothing of ours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from jobservice.json_values import JsonValue


def as_json(document: JsonValue, owner: str = "") -> bytes:
    """A document as the body of a request. Raises as `as_text`."""
    return as_text(document, "", owner, ensure_ascii=False).encode()


def as_text(value: JsonValue, name: str, owner: str = "", *, ensure_ascii: bool = True) -> str:
    """A value as JSON.

    Raises TypeError for a value that JSON has no type for, and ValueError for NaN and infinities.
    Both say where it is: `metadata.a: nan cannot be JSON`, after `owner`, such as "job 3: ".
    """
    try:
        return json.dumps(value, ensure_ascii=ensure_ascii, allow_nan=False)
    except (TypeError, ValueError) as error:
        wrong = next(_not_json(value, name, ()), None)
        if wrong is None:
            raise
        raise type(error)(f"{owner}{wrong}") from None


def _not_json(value: JsonValue, path: str, above: tuple[int, ...]) -> Iterator[str]:
    """Yield what cannot be JSON in a value; `above` has the ids of the values that hold it."""
    if id(value) in above:
        yield f"{path}: a value that contains itself cannot be JSON"
    elif isinstance(value, dict):
        wrong = [key for key in value if key is not None and not _is_scalar(key)]
        yield from (f"{path or 'it'}: the key {repr(key)[:100]} cannot be JSON" for key in wrong)
        for key, each in value.items():
            inner = f"{path}.{key}" if path else str(key)
            yield from _not_json(each, inner, (*above, id(value)))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _not_json(each, f"{path}[{index}]", (*above, id(value)))
    elif value is not None and not _is_scalar(value):
        yield f"{path}: {repr(value)[:100]} cannot be JSON"


def _is_scalar(value: JsonValue) -> bool:
    """Whether a value is a text or a number that JSON can have."""
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
