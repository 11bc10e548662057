"""JSON, read strictly (RFC 8259 and I-JSON). Imports only problems.

Refused, with the place: what the standard library lets through (NaN, Infinity, duplicate keys,
lone surrogates), numbers past a double, NUL in text, and nesting past a bound.
"""

import json
import math
from typing import Any

from server.http.problems import Problem, malformed

MAX_DEPTH = 32
_BOM = "\ufeff"
_MAX_DIGITS = 309  # of the largest double, 1.8e308


class _JsonFlaw:
    """Stands in the parsed document where something is refused, so that its path can be told."""

    def __init__(self, reason: str):
        self.reason = reason


def parse(body: bytes, what: str = "the body") -> Any:
    """The value of a JSON text in UTF-8. Raises Problem 400 that says where and why."""
    if not body.strip():
        raise malformed(f"{what} is empty; it must be JSON")
    try:
        text = body.decode()
        if text.startswith(_BOM):
            raise malformed(f"{what} is not JSON: it begins with a BOM, which JSON has not")
        value = _JSON.decode(text)
    except UnicodeDecodeError as error:
        raise malformed(f"{what} is not UTF-8: wrong byte at {error.start}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise malformed(f"{what} is not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise _too_deep(what) from None
    _check(value, "", 0, what)
    return value


def _check(value: Any, path: str, depth: int, what: str) -> None:
    if isinstance(value, _JsonFlaw):
        raise malformed(f"{what} at {path or 'its top'}: {value.reason}")
    if depth > MAX_DEPTH:
        raise _too_deep(what)
    if isinstance(value, str):
        _check_text(value, path, what)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, path, what)
            _check(item, f"{path}.{key}" if path else key, depth + 1, what)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1, what)


def _check_text(text: str, path: str, what: str) -> None:
    if "\0" in text:
        raise malformed(f"{what} at {path or 'its top'}: text must not hold NUL")
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise malformed(f"{what} at {path or 'its top'}: lone surrogate in text")


def _too_deep(what: str) -> Problem:
    return malformed(f"{what} is nested deeper than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = _JsonFlaw("given twice") if key in found else value
    return found


def _float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else _JsonFlaw(f"{text[:20]} is past a double")


def _int(text: str) -> Any:
    if len(text) <= _MAX_DIGITS:
        return int(text)
    return _JsonFlaw(f"{text[:20]}… is past a double")


def _constant(name: str) -> Any:
    return _JsonFlaw(f"{name} is not JSON")


_JSON = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)
"""Made once: that takes longer than to read a short body."""
