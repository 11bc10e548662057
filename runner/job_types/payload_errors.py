"""The errors of a Pydantic model in plain sentences, with paths as the client wrote them.

Pydantic's own messages speak of Python ("valid dictionary or instance of X"), and its paths contain
the names of union members. Imports nothing of ours.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

MAX_KEY = 100
"""Characters of a key that are shown in a path."""


@dataclass(frozen=True)
class ValueFlaw:
    """An error in one value.

    `path` is as `patterns[0].name`, empty for the whole document. `code` is the kind of error.
    `known` has the names of the known fields if the field is unknown.
    """

    path: str
    code: str
    detail: str
    known: tuple[str, ...] = ()


def flaws(error: ValidationError, document: Any, model: type[BaseModel]) -> Iterator[ValueFlaw]:
    """Yield the errors that a model has found in a document, in their order."""
    found = (_flaw(each, document, model) for each in error.errors(include_url=False))
    for path, same in groupby(found, key=lambda flaw: flaw.path):
        yield from _joined(path, list(same))


def _joined(path: str, same: list[ValueFlaw]) -> Iterator[ValueFlaw]:
    """Join the errors of one value: it fits none of several types."""
    must = [flaw.detail for flaw in same if flaw.detail.startswith(_MUST)]
    if len(must) < len(same) or len(same) == 1:
        yield from same
        return
    kinds = list(dict.fromkeys(detail.removeprefix(_MUST) for detail in must))
    yield ValueFlaw(path, same[0].code, _MUST + " or ".join(kinds))


def _flaw(error: Mapping[str, Any], document: Any, model: type[BaseModel]) -> ValueFlaw:
    steps = list(_steps(error, document))
    code, sentence = SENTENCES.get(error["type"], ("invalid", ""))
    path = _path(steps)
    if error["type"] in _UNKNOWN:
        return ValueFlaw(path, code, sentence, _known_fields(model, steps[:-1]))
    if error["type"] in _OWN:
        return ValueFlaw(path, code, str(error["ctx"]["error"]))
    context = {name: _plain(value) for name, value in error.get("ctx", {}).items()}
    detail = sentence.format_map(context) if sentence else error["msg"]
    return ValueFlaw(path, code, re.sub(r"(\b1 \w+)s\b", r"\1", detail))


def _plain(value: Any) -> Any:
    """A value of an error's context as JSON would show it: 5 instead of 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _steps(error: Mapping[str, Any], document: Any) -> Iterator[str | int]:
    """Yield the keys and indexes that lead to a value, without the names of union members."""
    value = document
    for number, step in enumerate(error["loc"]):
        is_last = number == len(error["loc"]) - 1
        if isinstance(value, Mapping) and (step in value or (is_last and error["type"] in _ABSENT)):
            value = value.get(step)
            yield step
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
            yield step


def _path(steps: list[str | int]) -> str:
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step[:MAX_KEY]}" if path else step[:MAX_KEY]
    return path


def _known_fields(model: type[BaseModel], steps: list[str | int]) -> tuple[str, ...]:
    """The names of the fields of the models that may stand at the end of a path."""
    fields = _fields([model])
    for step in steps:
        if found := [annotation for name, annotation in fields if name == step]:
            fields = _fields(inner for annotation in found for inner in _models(annotation))
    return tuple(dict.fromkeys(name for name, _ in fields))


def _fields(models: Iterable[type[BaseModel]]) -> list[tuple[str, Any]]:
    """The names and annotations of the fields of models."""
    items = (item for model in models for item in model.model_fields.items())
    return [(field.alias or name, field.annotation) for name, field in items]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation mentions, such as those of a list or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


_MUST = "it must be "
_OWN = frozenset({"value_error", "assertion_error"})
"""Errors that validators of our own raise, with a sentence of their own."""
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_ABSENT = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_OF_PYTHON = (
    *("callable_type", "is_instance_of", "is_subclass_of", "needs_python_object"),
    *("frozen_field", "frozen_instance", "get_attribute_error", "no_such_attribute"),
    *("default_factory_not_called", "multiple_argument_values", "unexpected_positional_argument"),
)
"""Errors of fields that only a Python value could fill."""

_OBJECT = ("wrong_type", "it must be an object")
_LIST = ("wrong_type", "it must be a list")
_TEXT = ("wrong_type", "it must be a text")
_WHOLE = ("wrong_type", "it must be a whole number")
_NUMBER = ("wrong_type", "it must be a number")
_BOOL = ("wrong_type", "it must be true or false")
_DATE = ("malformed", "it must be a date such as 2030-01-31")
_CLOCK = ("malformed", "it must be a time of day such as 12:30:00")
_TIME = ("malformed", "it must be a time such as 2030-01-31T12:00:00Z")
_DURATION = ("malformed", "it must be a duration such as PT1H30M, or a number of seconds")
_URL = ("malformed", "it must be a URL such as https://host/path")
_UUID = ("malformed", "it must be a UUID such as 01a2107d-08cc-73f5-a3eb-bdc8e70382e5")
_FEW_CHARACTERS = ("wrong_length", "it must have at least {min_length} characters")
_MANY_CHARACTERS = ("wrong_length", "it must have at most {max_length} characters")
_CHOICE = ("not_allowed", "it must be {expected}")
_MISSING = ("missing", "it is required")
_REPEATED = ("invalid", "it must not contain itself")

SENTENCES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(_OWN, ("invalid", "")),
    **dict.fromkeys(_UNKNOWN, ("unknown", "unknown field")),
    **dict.fromkeys(_ABSENT, _MISSING),
    **dict.fromkeys(["missing_positional_only_argument", "missing_sentinel_error"], _MISSING),
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dataclass_exact_type": _OBJECT,
    "dict_type": _OBJECT,
    "frozen_dict_type": _OBJECT,
    "ordered_dict_type": _OBJECT,
    "counter_type": _OBJECT,
    "mapping_type": _OBJECT,
    "arguments_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "named_tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "deque_type": _LIST,
    "iterable_type": _LIST,
    "iteration_error": _LIST,
    "set_item_not_hashable": (
        "wrong_type",
        "its items must be texts, numbers, true, false or null",
    ),
    "too_short": ("wrong_length", "it must have at least {min_length} items, not {actual_length}"),
    "too_long": ("wrong_length", "it must have at most {max_length} items, not {actual_length}"),
    "string_type": _TEXT,
    "bytes_type": _TEXT,
    "string_unicode": ("invalid", "its characters must be valid Unicode"),
    "string_not_ascii": ("invalid", "its characters must be ASCII"),
    "bytes_invalid_encoding": ("malformed", "its encoding must be {encoding}"),
    "string_pattern_mismatch": ("malformed", "it must match the regex {pattern}"),
    "string_too_short": _FEW_CHARACTERS,
    "bytes_too_short": _FEW_CHARACTERS,
    "string_too_long": _MANY_CHARACTERS,
    "bytes_too_long": _MANY_CHARACTERS,
    "url_too_long": _MANY_CHARACTERS,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": ("out_of_range", "it has too many digits"),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "fraction_type": _NUMBER,
    "fraction_parsing": _NUMBER,
    "complex_type": _NUMBER,
    "complex_str_parsing": _NUMBER,
    "finite_number": ("out_of_range", "it must be a finite number"),
    "decimal_max_digits": ("out_of_range", "it must have at most {max_digits} digits"),
    "decimal_whole_digits": (
        *("out_of_range", "it must have at most {whole_digits} digits before the decimal point"),
    ),
    "decimal_max_places": (
        *("out_of_range", "it must have at most {decimal_places} digits after the decimal point"),
    ),
    "greater_than": ("out_of_range", "it must be above {gt}"),
    "greater_than_equal": ("out_of_range", "it must be at least {ge}"),
    "less_than": ("out_of_range", "it must be below {lt}"),
    "less_than_equal": ("out_of_range", "it must be at most {le}"),
    "multiple_of": ("out_of_range", "it must be a multiple of {multiple_of}"),
    "bool_type": _BOOL,
    "bool_parsing": _BOOL,
    "none_required": ("wrong_type", "it must be null"),
    "enum": _CHOICE,
    "literal_error": _CHOICE,
    "ellipsis_error": ("not_allowed", "it must be left out"),
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": ("malformed", "it must be a date without a time of day"),
    "date_past": ("out_of_range", "it must be a date in the past"),
    "date_future": ("out_of_range", "it must be a date in the future"),
    "time_type": _CLOCK,
    "time_parsing": _CLOCK,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_past": ("out_of_range", "it must be a time in the past"),
    "datetime_future": ("out_of_range", "it must be a time in the future"),
    "timezone_naive": ("malformed", "it must be a time without an offset from UTC"),
    "timezone_aware": ("malformed", "it must be a time with an offset from UTC, such as Z"),
    "timezone_offset": ("malformed", "its offset from UTC must be {tz_expected} seconds"),
    "time_delta_type": _DURATION,
    "time_delta_parsing": _DURATION,
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": ("malformed", "it must be a UUID of version {expected_version}"),
    "url_type": _URL,
    "url_parsing": _URL,
    "url_syntax_violation": _URL,
    "url_scheme": ("not_allowed", "its scheme must be {expected_schemes}"),
    "json_type": ("malformed", "it must be a text with JSON"),
    "json_invalid": ("malformed", "it must be a text with JSON"),
    "union_tag_not_found": ("missing", "it needs the field {discriminator}"),
    "union_tag_invalid": ("not_allowed", "its {discriminator} must be {expected_tags}"),
    "recursion_loop": _REPEATED,
    "recursion_depth_exceeded": _REPEATED,
    "invalid_key": ("invalid", "its keys must be texts"),
    **dict.fromkeys(_OF_PYTHON, ("invalid", "no JSON value is valid here")),
}
"""For each type of Pydantic's errors: the code, and a sentence with the values of its context.

`PydanticCustomError` may have any other type, and its message is used as it is.
"""
