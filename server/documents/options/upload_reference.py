"""The stored file that a new job uses, as clients submit it."""

import re
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

EXAMPLE_ID = "6f1f3a54-9f0e-4a53-8a25-3d2f6e0b8c11"
EXAMPLE_SHA256 = "5d3bf6c1c9a4e0b1f1a6a9f7b1fb2d8d4ab6a1a5c4d4dca7dd3e1c8c6c6b5a90"
SHA256_PATTERN = "[0-9A-Fa-f]{64}"
MAX_NAME = 255
_SHA256 = re.compile(SHA256_PATTERN)


def _parse_id(value: object) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    raise ValueError(f"it must be the id of a resumable upload, for example {EXAMPLE_ID}")


def _parse_sha256(value: object) -> str:
    if isinstance(value, str) and _SHA256.fullmatch(value):
        return value.lower()
    raise ValueError(f"it must be a SHA-256 of 64 hexadecimal digits, for example {EXAMPLE_SHA256}")


class UploadReference(BaseModel):
    """A file that the service has already: a resumable upload, or a file of any job."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[
        UUID | None,
        PlainValidator(_parse_id),
        WithJsonSchema({"type": "string", "format": "uuid"}),
        Field(description="id of a complete resumable upload"),
    ] = None
    sha256: Annotated[
        str | None,
        PlainValidator(_parse_sha256),
        WithJsonSchema({"type": "string", "pattern": f"^{SHA256_PATTERN}$"}),
        Field(description="SHA-256 of a file that a job was given or has left, in hexadecimal"),
    ] = None
    name: Annotated[
        str,
        Field(
            description="with sha256: the name of the file for this job",
            max_length=MAX_NAME,
        ),
    ] = ""

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.id is None) == (self.sha256 is None):
            raise ValueError(
                'give either the id of a resumable upload, such as {"id": '
                f'"{EXAMPLE_ID}"}}, or the sha256 of a stored file and a name for it'
            )
        if self.id is not None and self.name:
            raise ValueError("name goes with sha256: a resumable upload has its own name")
        return self
