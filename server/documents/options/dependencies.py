"""The jobs that a new job waits for, as clients submit them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

MAX_PREDECESSORS = 1000
"""Most jobs that one job waits for."""
EXAMPLE_ID = "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"


def _parse_id(value: object) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    names = "in a batch whose jobs have names, it can be a name"
    raise ValueError(f"it must be the id of a job, for example {EXAMPLE_ID}; {names}")


def _each_once(values: list[UUID]) -> list[UUID]:
    return list(dict.fromkeys(values))


JobId = Annotated[
    UUID, PlainValidator(_parse_id), WithJsonSchema({"type": "string", "format": "uuid"})
]
Predecessors = Annotated[
    list[JobId], Field(max_length=MAX_PREDECESSORS), AfterValidator(_each_once)
]
"""The ids of jobs. One that is given twice counts once."""
OnFailure = Literal["cancel", "run"]


class InputFrom(BaseModel):
    """The job whose result a new job gets."""

    model_config = ConfigDict(strict=True, extra="forbid")

    source: Annotated[JobId, Field(alias="from", description="id of the job")]
