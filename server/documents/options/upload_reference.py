"""The stored file that a new job uses, as clients submit it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

EXAMPLE_ID = "6f1f3a54-9f0e-4a53-8a25-3d2f6e0b8c11"


def _parse_id(value: Any) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    raise ValueError(f"it must be the id of a resumable upload, for example {EXAMPLE_ID}")


class UploadReference(BaseModel):
    """A file that the service has already."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[
        UUID,
        PlainValidator(_parse_id),
        WithJsonSchema({"type": "string", "format": "uuid"}),
        Field(description="id of a complete resumable upload"),
    ]
