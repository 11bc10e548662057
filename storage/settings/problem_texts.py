"""Says in plain sentences what is wrong with a setting. Imports nothing of ours."""

from collections.abc import Mapping

from storage.records.json_values import JsonValue

_SENTENCES = {
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_parsing": "it must be a number",
    "finite_number": "it must be a finite number",
    "bool_parsing": "it must be true or false",
    "greater_than_equal": "it must be at least {ge}",
    "greater_than": "it must be above {gt}",
    "less_than_equal": "it must be at most {le}",
    "less_than": "it must be below {lt}",
    "literal_error": "it must be {expected}",
}
"""Sentences for kinds of errors, whose own texts speak of inputs and their parsing."""


def problem_text(error: Mapping[str, JsonValue]) -> str:
    """Return the reason of one error of a Pydantic model."""
    if sentence := _SENTENCES.get(error["type"]):
        return sentence.format_map({name: _plain(v) for name, v in error.get("ctx", {}).items()})
    message: str = error["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _plain(value: object) -> object:
    """A limit as people write it: 5 instead of 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
