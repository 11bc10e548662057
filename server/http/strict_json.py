"""A strict JSON parser (RFC 8259 and I-JSON, RFC 7493). Imports only `problems`.

It refuses what Python's parser accepts: NaN, Infinity, duplicate keys and lone surrogates. It also
refuses numbers out of the range of a double, NUL characters, and deep nesting. Every error names
its position in the document.
"""

import json
import math
from typing import Any

from server.http.problems import Problem, malformed

MAX_DEPTH = 32
_BOM = "\ufeff"
_MAX_DIGITS = 309  # digits of the largest double, 1.8e308


class _JsonFlaw:
    """A placeholder for a refused value in the parsed document, so that its path can be found."""

    def __init__(self, reason: str):
        self.reason = reason


def parse(body: bytes, subject: str = "the body") -> Any:
    """Parse a JSON text in UTF-8. `subject` names it in error messages.

    Raises Problem 400 with the position of the error and the reason.
    """
    if not body.strip():
        raise malformed(f"{subject} is empty; it must be JSON")
    try:
        text = body.decode()
        if text.startswith(_BOM):
            raise malformed(f"{subject} is not JSON: it must not begin with a BOM")
        value = _JSON.decode(text)
    except UnicodeDecodeError as error:
        raise malformed(f"{subject} is not UTF-8: invalid byte at position {error.start}") from None
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise malformed(f"{subject} is not JSON: {error.msg} at {position}") from None
    except RecursionError:
        raise _too_deep(subject) from None
    _check(value, "", 0, subject)
    return value


def _check(value: Any, path: str, depth: int, subject: str) -> None:
    if isinstance(value, _JsonFlaw):
        raise _at(path, subject, value.reason)
    if depth > MAX_DEPTH:
        raise _too_deep(subject)
    if isinstance(value, str):
        _check_text(value, path, subject)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, path, subject)
            _check(item, f"{path}.{key}" if path else key, depth + 1, subject)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1, subject)


def _check_text(text: str, path: str, subject: str) -> None:
    if "\0" in text:
        raise _at(path, subject, "text must not contain NUL")
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise _at(path, subject, "text must not contain a lone surrogate")


def _at(path: str, subject: str, reason: str) -> Problem:
    return malformed(f"{subject} at {path or 'the top level'}: {reason}")


def _too_deep(subject: str) -> Problem:
    return malformed(f"{subject} is nested deeper than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        members[key] = _JsonFlaw("given twice") if key in members else value
    return members


def _float(text: str) -> Any:
    value = float(text)
    if math.isfinite(value):
        return value
    return _JsonFlaw(f"{text[:20]} is out of the range of a double")


def _int(text: str) -> Any:
    if len(text) <= _MAX_DIGITS:
        return int(text)
    return _JsonFlaw(f"{text[:20]}… is out of the range of a double")


def _constant(name: str) -> Any:
    return _JsonFlaw(f"{name} is not JSON")


_JSON = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)
"""Created once: that takes longer than parsing a short body."""
