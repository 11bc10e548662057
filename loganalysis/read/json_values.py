"""Types of JSON, of which Python's types tell no more."""

from typing import Any

JsonValue = Any
"""A text, a number, a bool, None, or a list or an object of these."""
Json = dict[str, JsonValue]
"""A JSON object."""
