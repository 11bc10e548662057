"""The limits that a job sets for itself, below the limits of its worker."""

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from storage.records.job_limits import NAMES
from storage.records.json_values import Json

IN_BYTES: JsonDict = {"x-unit": "bytes"}
IN_CPU_SECONDS: JsonDict = {"x-unit": "seconds"}
MIN_MEMORY_BYTES = 64 * 2**20
MemoryBytes = Annotated[
    int | None,
    Field(
        ge=MIN_MEMORY_BYTES,
        le=2**50,
        description="bytes of memory that each process of the job may have, below the limit of its"
        " worker",
        examples=[2**30],
        json_schema_extra=IN_BYTES,
    ),
]
CpuSeconds = Annotated[
    int | None,
    Field(
        ge=1,
        le=10**9,
        description="whole seconds of CPU time that each process of an attempt may use, below the"
        " limit of its worker",
        examples=[600],
        json_schema_extra=IN_CPU_SECONDS,
    ),
]
MaxOutputBytes = Annotated[
    int | None,
    Field(
        ge=0,
        le=2**24,
        description="bytes of output that are kept of each attempt, below the limit of its worker",
        examples=[4096],
        json_schema_extra=IN_BYTES,
    ),
]
Nice = Annotated[
    int | None,
    Field(
        ge=0,
        le=19,
        description="niceness: a higher one gives the job less CPU time than other jobs; at least"
        " that of its worker",
    ),
]


def take_limits(given: Json) -> Json:
    """Remove the limits from options that were given, and return them by their names."""
    return {name: given.pop(name) for name in NAMES if name in given}
