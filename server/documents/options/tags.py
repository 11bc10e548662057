"""The tags and the metadata of jobs, as clients submit them and search for them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from storage.jobs.transitions import to_json_text
from storage.records.json_values import Json

MAX_TAGS = 20
"""Most tags of a job, and in a filter."""
MAX_TAG_LENGTH = 100
MAX_METADATA_BYTES = 4096
"""Most bytes of the JSON of a job's metadata."""
_TAG = re.compile(r"\S(?:.*\S)?")


def _require_tag(value: str) -> str:
    if not value.isprintable() or not _TAG.fullmatch(value):
        raise ValueError(
            "a tag must be printable text without spaces at its ends, for example customer:42"
        )
    return value


def _each_once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _require_small(value: Json) -> Json:
    size = len(to_json_text(value).encode())
    if size > MAX_METADATA_BYTES:
        raise ValueError(
            f"its JSON has {size} bytes, at most {MAX_METADATA_BYTES} are allowed;"
            " put larger values into the payload"
        )
    return value


Tag = Annotated[str, Field(min_length=1, max_length=MAX_TAG_LENGTH), AfterValidator(_require_tag)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS), AfterValidator(_each_once)]
"""Tags of a new job. One that is given twice counts once."""
WantedTags = Annotated[
    list[Tag],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MAX_TAGS),
    AfterValidator(_each_once),
]
"""Tags in a filter, which a job must have all; one may be given as text instead of a list."""
Metadata = Annotated[Json, AfterValidator(_require_small)]
