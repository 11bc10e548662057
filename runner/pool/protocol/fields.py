"""Checks the fields of a message from a process that is not trusted.

Each function returns the value of one field, or raises InvalidMessage. The limits are those of the
database and of JSON's readers; no true value reaches them.
"""

from collections.abc import Collection, Mapping
from typing import Any

MAX_INTEGER = 2**53
"""Every reader of JSON, and both databases, can hold integers up to this one exactly."""
MAX_SECONDS = 1e10

Fields = Mapping[str, Any]


class InvalidMessage(ValueError):
    """A message that an honest process would not send. The text says why."""


def require_names(fields: Fields, names: Collection[str]) -> None:
    """Check that a message has exactly these fields."""
    if fields.keys() != names:
        raise InvalidMessage(f"its fields are not {', '.join(sorted(names))}")


def text(fields: Fields, name: str, max_length: int) -> str:
    """Return text of at most `max_length` characters without NUL, which PostgreSQL refuses."""
    value = fields[name]
    if not isinstance(value, str) or len(value) > max_length or "\0" in value:
        raise InvalidMessage(f"{name} is not text of up to {max_length} characters without NUL")
    return value


def choice(fields: Fields, name: str, values: Collection[str]) -> str:
    """Return text that is one of these values."""
    value = fields.get(name)
    if not isinstance(value, str) or value not in values:
        raise InvalidMessage(f"{name} is not one of {', '.join(sorted(values))}")
    return value


def flag(fields: Fields, name: str) -> bool:
    """Return True or False."""
    value = fields[name]
    if not isinstance(value, bool):
        raise InvalidMessage(f"{name} is not true or false")
    return value


def integer(fields: Fields, name: str, highest: int = MAX_INTEGER) -> int:
    """Return an integer from 0 to `highest`."""
    value = fields[name]
    if type(value) is not int or not 0 <= value <= highest:
        raise InvalidMessage(f"{name} is not an integer from 0 to {highest}")
    return value


def seconds(fields: Fields, name: str) -> float:
    """Return a number of seconds, at least 0."""
    value = fields[name]
    if type(value) not in (int, float) or not 0 <= value <= MAX_SECONDS:  # NaN compares false
        raise InvalidMessage(f"{name} is not a number of seconds")
    return float(value)
