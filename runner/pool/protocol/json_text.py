"""Parses JSON text from a job process as strictly as every later reader: listeners and clients.

Accepted text is stored unchanged. A listener parses it with Python's json, whose recursion is
limited, and encodes it again for clients, which need finite numbers and valid Unicode.
"""

import re
from itertools import chain, islice
from typing import Any

import orjson

MAX_LEVELS = 100
"""How deep arrays and objects may be nested."""
MAX_VALUES = 1_000_000
"""How many values the text may contain: millions of empty arrays would take 27 times its size."""
_STRING_OR_VALUE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)


def parse_json(text: bytes) -> Any:
    """Return the value of JSON text in UTF-8.

    Raises ValueError if it is not JSON, or if it contains NaN, an infinite number, an integer
    beyond the range of a double, a lone surrogate, too many levels or too many values.
    """
    if len(text) > MAX_VALUES and _has_too_many_values(text):
        raise ValueError(f"more than {MAX_VALUES} values")
    value = orjson.loads(text)
    brackets = text.count(b"[") + text.count(b"{") if len(text) > MAX_LEVELS else 0
    if brackets > MAX_LEVELS and _levels(value) > MAX_LEVELS:
        raise ValueError(f"nested deeper than {MAX_LEVELS} levels")
    return value


def _has_too_many_values(text: bytes) -> bool:
    """Return whether more than MAX_VALUES values begin: after a bracket, a brace or a comma."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") <= MAX_VALUES:
        return False  # some of these may be inside strings, which only a slow search can tell
    matches = _STRING_OR_VALUE.finditer(text)
    begins = (match for match in matches if text[match.start()] != ord('"'))
    return any(True for _ in islice(begins, MAX_VALUES, None))


def _levels(value: Any) -> int:
    """Return how deep a value is nested, without recursion."""
    levels, inner = 0, [value]
    while containers := [each for each in inner if isinstance(each, dict | list)]:
        levels += 1
        values = (each.values() if isinstance(each, dict) else each for each in containers)
        inner = list(chain.from_iterable(values))
    return levels
