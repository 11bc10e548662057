"""The errors of a Pydantic model in plain sentences, with paths as the document has them.

Pydantic's own messages speak of Python ("valid dictionary or instance of X"), and its paths contain
the names of union members. It takes any model.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from loganalysis.read.json_values import JsonValue

MAX_KEY = 100
"""Characters of a key that are shown in a path."""


@dataclass(frozen=True)
class ValueFlaw:
    """An error in one value.

    `path` is as `patterns[0].name`, empty for the whole document. `code` is the kind of error.
    `known` has the names of the known fields if the field is unknown. `example` is a valid value as
    JSON, if the schema of the field has one.
    """

    path: str
    code: str
    detail: str
    known: tuple[str, ...] = ()
    example: str = ""


def flaws(
    error: ValidationError, document: JsonValue, model: type[BaseModel]
) -> Iterator[ValueFlaw]:
    """Yield the errors that a model has found in a document, in their order."""
    found = (_flaw(each, document, model) for each in error.errors(include_url=False))
    for path, same in groupby(found, key=lambda flaw: flaw.path):
        yield from map(_with_example, _joined(path, list(same)))


def _joined(path: str, same: list[ValueFlaw]) -> Iterator[ValueFlaw]:
    """Join the errors of one value: it fits none of several types."""
    must = [flaw.detail for flaw in same if flaw.detail.startswith(_MUST)]
    if len(must) < len(same) or len(same) == 1:
        yield from same
        return
    kinds = list(dict.fromkeys(detail.removeprefix(_MUST) for detail in must))
    yield replace(same[0], detail=_MUST + " or ".join(kinds))


def _with_example(flaw: ValueFlaw) -> ValueFlaw:
    """Add the example of a field to a detail that says what its value must be."""
    if not flaw.example or not flaw.detail.startswith(_MUST):
        return flaw
    return replace(flaw, detail=f"{flaw.detail}, for example {flaw.example}")


def _flaw(error: Mapping[str, JsonValue], document: JsonValue, model: type[BaseModel]) -> ValueFlaw:
    steps = list(_steps(error, document))
    code, sentence = SENTENCES.get(error["type"], ("invalid", ""))
    path = _path(steps)
    if error["type"] in _UNKNOWN:
        return ValueFlaw(path, code, sentence, _known_fields(model, steps[:-1]))
    if error["type"] == "missing" and isinstance(error["loc"][-1], int):  # of a tuple
        return ValueFlaw(path, "wrong_length", f"it must have an item [{error['loc'][-1]}]")
    if error["type"] in _OWN:
        return ValueFlaw(path, code, str(error["ctx"]["error"]))
    context = {name: _plain(value) for name, value in error.get("ctx", {}).items()}
    detail = sentence.format_map(context) if sentence else error["msg"]
    example = _example(model, steps) if code in _WITH_EXAMPLE else ""
    return ValueFlaw(path, code, re.sub(r"(\b1 \w+)s\b", r"\1", detail), example=example)


def _plain(value: JsonValue) -> JsonValue:
    """A value of an error's context as JSON would show it: 5 instead of 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _steps(error: Mapping[str, JsonValue], document: JsonValue) -> Iterator[str | int]:
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
    return tuple(dict.fromkeys(name for name, _ in _fields_at(model, steps)))


def _example(model: type[BaseModel], steps: list[str | int]) -> str:
    """The example of the field at a path as JSON, with its unit (`x-unit` of its schema)."""
    found = (field for name, field in _fields_at(model, steps[:-1]) if name == steps[-1])
    field = next(found, None) if steps else None
    if field is None or not field.examples:
        return ""
    extra = field.json_schema_extra
    unit = extra.get("x-unit") if isinstance(extra, dict) else None
    return json.dumps(field.examples[0], ensure_ascii=False) + (f" ({unit})" if unit else "")


def _fields_at(model: type[BaseModel], steps: list[str | int]) -> list[tuple[str, FieldInfo]]:
    """The fields of the models that may stand at the end of a path."""
    fields = _fields([model])
    for step in steps:
        if found := [field for name, field in fields if name == step]:
            fields = _fields(inner for field in found for inner in _models(field.annotation))
    return fields


def _fields(models: Iterable[type[BaseModel]]) -> list[tuple[str, FieldInfo]]:
    """The fields of models, with their names in documents."""
    items = (item for model in models for item in model.model_fields.items())
    return [(field.alias or name, field) for name, field in items]


def _models(annotation: JsonValue) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation mentions, for example in a list or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


_MUST = "it must be "
_WITH_EXAMPLE = frozenset({"wrong_type", "out_of_range"})
"""The kinds of errors that an example helps to correct."""
_OWN = frozenset({"value_error", "assertion_error"})
"""Errors that validators of our own raise, with a sentence of their own."""
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_ABSENT = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})

_SENTENCES = (
    ("invalid", "", "assertion_error value_error"),
    ("unknown", "unknown field", "extra_forbidden unexpected_keyword_argument"),
    (
        *("missing", "it is required"),
        "missing missing_argument missing_keyword_only_argument "
        "missing_positional_only_argument missing_sentinel_error",
    ),
    (
        *("wrong_type", "it must be an object"),
        "arguments_type counter_type dataclass_exact_type dataclass_type dict_type "
        "frozen_dict_type mapping_type model_attributes_type model_type ordered_dict_type",
    ),
    (
        *("wrong_type", "it must be a list"),
        "deque_type frozen_set_type iterable_type iteration_error list_type named_tuple_type "
        "set_type tuple_type",
    ),
    (
        *("wrong_type", "its items must be texts, numbers, true, false or null"),
        "set_item_not_hashable",
    ),
    ("wrong_length", "it must have at least {min_length} items, not {actual_length}", "too_short"),
    ("wrong_length", "it must have at most {max_length} items, not {actual_length}", "too_long"),
    ("wrong_type", "it must be a text", "bytes_type string_type"),
    ("invalid", "its characters must be valid Unicode", "string_unicode"),
    ("invalid", "its characters must be ASCII", "string_not_ascii"),
    ("malformed", "its encoding must be {encoding}", "bytes_invalid_encoding"),
    ("malformed", "it must match the regex {pattern}", "string_pattern_mismatch"),
    (
        *("wrong_length", "it must have at least {min_length} characters"),
        "bytes_too_short string_too_short",
    ),
    (
        *("wrong_length", "it must have at most {max_length} characters"),
        "bytes_too_long string_too_long url_too_long",
    ),
    ("wrong_type", "it must be a whole number", "int_from_float int_parsing int_type"),
    ("out_of_range", "it has too many digits", "int_parsing_size"),
    (
        *("wrong_type", "it must be a number"),
        "complex_str_parsing complex_type decimal_parsing decimal_type float_parsing "
        "float_type fraction_parsing fraction_type",
    ),
    ("out_of_range", "it must be a finite number", "finite_number"),
    ("out_of_range", "it must have at most {max_digits} digits", "decimal_max_digits"),
    (
        *("out_of_range", "it must have at most {whole_digits} digits before the decimal point"),
        "decimal_whole_digits",
    ),
    (
        *("out_of_range", "it must have at most {decimal_places} digits after the decimal point"),
        "decimal_max_places",
    ),
    ("out_of_range", "it must be above {gt}", "greater_than"),
    ("out_of_range", "it must be at least {ge}", "greater_than_equal"),
    ("out_of_range", "it must be below {lt}", "less_than"),
    ("out_of_range", "it must be at most {le}", "less_than_equal"),
    ("out_of_range", "it must be a multiple of {multiple_of}", "multiple_of"),
    ("wrong_type", "it must be true or false", "bool_parsing bool_type"),
    ("wrong_type", "it must be null", "none_required"),
    ("not_allowed", "it must be {expected}", "enum literal_error"),
    ("not_allowed", "it must be left out", "ellipsis_error"),
    (
        *("malformed", "it must be a date such as 2030-01-31"),
        "date_from_datetime_parsing date_parsing date_type",
    ),
    ("malformed", "it must be a date without a time of day", "date_from_datetime_inexact"),
    ("out_of_range", "it must be a date in the past", "date_past"),
    ("out_of_range", "it must be a date in the future", "date_future"),
    ("malformed", "it must be a time of day such as 12:30:00", "time_parsing time_type"),
    (
        *("malformed", "it must be a time such as 2030-01-31T12:00:00Z"),
        "datetime_from_date_parsing datetime_object_invalid datetime_parsing datetime_type",
    ),
    ("out_of_range", "it must be a time in the past", "datetime_past"),
    ("out_of_range", "it must be a time in the future", "datetime_future"),
    ("malformed", "it must be a time without an offset from UTC", "timezone_naive"),
    ("malformed", "it must be a time with an offset from UTC, such as Z", "timezone_aware"),
    ("malformed", "its offset from UTC must be {tz_expected} seconds", "timezone_offset"),
    (
        *("malformed", "it must be a duration such as PT1H30M, or a number of seconds"),
        "time_delta_parsing time_delta_type",
    ),
    (
        *("malformed", "it must be a UUID such as 01a2107d-08cc-73f5-a3eb-bdc8e70382e5"),
        "uuid_parsing uuid_type",
    ),
    ("malformed", "it must be a UUID of version {expected_version}", "uuid_version"),
    (
        *("malformed", "it must be a URL such as https://host/path"),
        "url_parsing url_syntax_violation url_type",
    ),
    ("not_allowed", "its scheme must be {expected_schemes}", "url_scheme"),
    ("malformed", "it must be a text with JSON", "json_invalid json_type"),
    ("missing", "it needs the field {discriminator}", "union_tag_not_found"),
    ("not_allowed", "its {discriminator} must be {expected_tags}", "union_tag_invalid"),
    ("invalid", "it must not contain itself", "recursion_depth_exceeded recursion_loop"),
    ("invalid", "its keys must be texts", "invalid_key"),
    (
        *("invalid", "no JSON value is valid here"),
        "callable_type default_factory_not_called frozen_field frozen_instance "
        "get_attribute_error is_instance_of is_subclass_of multiple_argument_values "
        "needs_python_object no_such_attribute unexpected_positional_argument",
    ),
)
"""Code, sentence with values of the error's context, and the types of Pydantic's errors."""

SENTENCES = {kind: (code, text) for code, text, kinds in _SENTENCES for kind in kinds.split()}
"""For each type of Pydantic's errors: the code, and the sentence.

`PydanticCustomError` may have any other type, and its message is used as it is.
"""
