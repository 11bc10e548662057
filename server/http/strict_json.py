"""A strict JSON parser (RFC 8259 and I-JSON, RFC 7493). Imports only `codes` and `problems`.

It refuses what Python's parser accepts: NaN, Infinity, duplicate keys and lone surrogates. It also
refuses numbers out of the range of a double, NUL characters, and deep nesting. Every error names
its position in the document.
"""

import json
import math
import re
from pathlib import Path

from server.http.codes import Code
from server.http.problems import BODY, FieldError, Problem
from storage.records.json_values import Json, JsonValue

MAX_DEPTH = 32
_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
_BOM = "\ufeff"
_MAX_DIGITS = 309  # digits of the largest double, 1.8e308
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""An escape of NUL or of a surrogate, which may be a lone one. Only escapes can contain them."""
_SCALARS = frozenset({str, int, float, bool, type(None)})


class _JsonFlaw:
    """A placeholder for a refused value in the parsed document, so that its path can be found."""

    def __init__(self, reason: str):
        self.reason = reason


def parse(body: bytes, field: str = "") -> JsonValue:
    """Parse a JSON text in UTF-8: a form field, or by default the whole body.

    Raises Problem 400 with the position of the error and the reason.
    """
    if not body.strip():
        raise _malformed(field, "is empty; it must be JSON")
    try:
        text = body.decode()
        if text.startswith(_BOM):
            raise _malformed(field, "is not JSON: it must not begin with a BOM")
        value = _JSON.decode(text)
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8: invalid byte at position {error.start}"
        raise _malformed(field, reason) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        reason = f"is not JSON: {error.msg} at {place}"
        raise _malformed(field, reason, line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise _malformed(field, _TOO_DEEP) from None
    if _SUSPICIOUS.search(text) or not _is_clean(value):
        _check(value, "", 0, field)
    return value


def read_file(path: Path, max_bytes: int) -> JsonValue:
    """Return the document in a file. Raises ValueError with the reason."""
    try:
        with path.open("rb") as file:
            text = file.read(max_bytes + 1)
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from None
    if len(text) > max_bytes:
        raise ValueError(f"it has more than {max_bytes} bytes")
    try:
        return parse(text)
    except Problem as problem:
        raise ValueError(str(problem.errors[0])) from None


def _is_clean(value: JsonValue) -> bool:
    """Whether a parsed document certainly has no refused value and is not too deep.

    Texts are not looked at. This takes a tenth of the time of `_check`, which knows the path.
    """
    level: list[JsonValue] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for each in level
            for item in (each.values() if type(each) is dict else each)
            if type(item) not in _SCALARS
        ]
        if not level:
            return True
        if _JsonFlaw in map(type, level):
            return False
    return False


def _check(value: JsonValue, path: str, depth: int, field: str) -> None:
    if isinstance(value, _JsonFlaw):
        raise _at(path, field, value.reason)
    if depth > MAX_DEPTH:
        raise _malformed(field, _TOO_DEEP)
    if isinstance(value, str):
        _check_text(value, path, field)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, path, field)
            _check(item, f"{path}.{key}" if path else key, depth + 1, field)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1, field)


def _check_text(text: str, path: str, field: str) -> None:
    if "\0" in text:
        raise _at(path, field, "text must not contain NUL")
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise _at(path, field, "text must not contain a lone surrogate")


def _at(path: str, field: str, reason: str) -> Problem:
    """400: the value at a path is refused."""
    detail = f"{_subject(field)} at {path or 'the top level'}: {reason}"
    whole = f"{field}{'.' if field and path[:1] not in ('', '[') else ''}{path}"
    return Problem(Code.MALFORMED_JSON, detail, [FieldError(whole or BODY, reason, "malformed")])


def _malformed(
    field: str, reason: str, line: int | None = None, column: int | None = None
) -> Problem:
    """400: the text as a whole is refused."""
    error = FieldError(field or BODY, f"it {reason}", "malformed", line, column)
    return Problem(Code.MALFORMED_JSON, f"{_subject(field)} {reason}", [error])


def _subject(field: str) -> str:
    return f"the form field {field}" if field else "the body"


def _object(pairs: list[tuple[str, JsonValue]]) -> Json:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    members.clear()
    for key, value in pairs:
        members[key] = _JsonFlaw("given twice") if key in members else value
    return members


def _float(text: str) -> JsonValue:
    value = float(text)
    if math.isfinite(value):
        return value
    return _JsonFlaw(f"{text[:20]} is out of the range of a double")


def _int(text: str) -> JsonValue:
    if len(text) <= _MAX_DIGITS:
        return int(text)
    return _JsonFlaw(f"{text[:20]}… is out of the range of a double")


_JSON = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=lambda name: _JsonFlaw(f"{name} is not JSON"),
    parse_float=_float,
    parse_int=_int,
)
"""Created once: that takes longer than parsing a short body."""
