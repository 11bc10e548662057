"""The waits before the retries of a job, as clients submit them."""

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from storage.records.backoff import LONGEST_WAIT_SECONDS, MAX_WAITS, parse_backoff

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
