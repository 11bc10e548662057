"""The keys of jobs, as clients submit them."""

from typing import Annotated

from pydantic import AfterValidator, Field

MAX_KEY_LENGTH = 200


def _require_key(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError(
            "a key must be printable text without spaces at its ends, for example sync:customer:42"
        )
    return value


Key = Annotated[str, Field(min_length=1, max_length=MAX_KEY_LENGTH), AfterValidator(_require_key)]
