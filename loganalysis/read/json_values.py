"""Names for JSON in type hints. The type checker does not look inside such a value."""

from typing import Any

JsonValue = Any
"""A text, a number, a bool, None, or a list or an object of these."""
Json = dict[str, JsonValue]
"""A JSON object."""
