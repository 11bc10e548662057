"""The waits before the retries of a job, as clients submit them."""

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from storage.records.backoff import LONGEST_WAIT_SECONDS

MAX_WAITS = 100
"""Most waits in a list: no job has more retries."""
_EXAMPLES = '30, [1, 10, 60] or {"base": 2, "factor": 2, "max": 600}'
_LIMITS = {"base": (0, LONGEST_WAIT_SECONDS), "factor": (1, 10), "max": (0, LONGEST_WAIT_SECONDS)}
_DEFAULTS = {"factor": 2, "max": LONGEST_WAIT_SECONDS}


def _require_number(name: str, value: Any, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least} to {most}, for example {_EXAMPLES}")


def parse_backoff(value: Any) -> Any:
    """Check a backoff, and return it with its defaults. Raises ValueError with the reason."""
    if isinstance(value, list):
        if not 1 <= len(value) <= MAX_WAITS:
            raise ValueError(f"it must have 1 to {MAX_WAITS} waits, not {len(value)}")
        for each in value:
            _require_number("each wait", each, 0, LONGEST_WAIT_SECONDS)
        return value
    if not isinstance(value, dict):
        _require_number("it", value, 0, LONGEST_WAIT_SECONDS)
        return value
    if unknown := sorted(value.keys() - _LIMITS):
        raise ValueError(f"it has no {unknown[0][:50]!r}, only base, factor and max")
    if "base" not in value:
        raise ValueError(f"base is missing, for example {_EXAMPLES}")
    given = {**_DEFAULTS, **value}
    for name, limits in _LIMITS.items():
        _require_number(name, given[name], *limits)
    return given


_WAIT = {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS}
Backoff = Annotated[
    Any,
    PlainValidator(parse_backoff),
    WithJsonSchema(
        {
            "anyOf": [
                _WAIT,
                {"type": "array", "items": _WAIT, "minItems": 1, "maxItems": MAX_WAITS},
                {
                    "type": "object",
                    "properties": {
                        "base": _WAIT,
                        "factor": {"type": "number", "minimum": 1, "maximum": 10, "default": 2},
                        "max": {**_WAIT, "default": LONGEST_WAIT_SECONDS},
                    },
                    "required": ["base"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""Seconds before each retry: a number, a list, or an object for an exponential backoff."""
