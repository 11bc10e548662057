"""The options of a job that a submission sets and a change may replace, with their limits."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from server.documents.options.dependencies import EXAMPLE_ID, InputFrom, OnFailure, Predecessors
from server.documents.options.limits import (
    CpuSeconds,
    MaxOutputBytes,
    MemoryBytes,
    Nice,
    take_limits,
)
from server.documents.options.tags import Tags
from server.documents.options.times import Time
from server.documents.options.upload_reference import EXAMPLE_ID as UPLOAD_ID
from server.documents.options.upload_reference import EXAMPLE_SHA256, UploadReference
from storage.records.backoff import LONGEST_WAIT_SECONDS, MAX_WAITS, parse_backoff
from storage.records.job import UniqueScope
from storage.records.json_values import Json
from storage.records.queue_name import validate_queue_name

_MAX_KEY_LENGTH = 200


def _require_key(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError(
            "a key must be printable text without spaces at its ends, for example sync:customer:42"
        )
    return value


_Key = Annotated[str, Field(min_length=1, max_length=_MAX_KEY_LENGTH), AfterValidator(_require_key)]

_WAIT = {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS}
_Backoff = Annotated[
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

YEAR_SECONDS = 366 * 86400
IN_SECONDS: JsonDict = {"x-unit": "seconds"}
"""The unit of a number in its schema, which errors show."""
MaxRetries = Annotated[
    int, Field(ge=0, le=100, description="how often the job may run again after it failed")
]
Timeout = Annotated[
    float | None,
    Field(gt=0, le=YEAR_SECONDS, description="seconds after which an attempt is killed"),
]
Priority = Annotated[int, Field(ge=-100, le=100, description="a higher priority starts first")]
RunAt = Annotated[Time | None, Field(description="the job does not start before this time")]
Delay = Annotated[
    float | None,
    Field(
        ge=0,
        le=10 * YEAR_SECONDS,
        description="seconds from now before which the job does not start",
    ),
]
ExpiresAt = Annotated[
    Time | None, Field(description="the job is canceled if it has not started before this time")
]
ExpiresIn = Annotated[
    float | None,
    Field(
        gt=0,
        le=10 * YEAR_SECONDS,
        description="seconds from now after which the job is canceled if it has not started",
        examples=[3600],
        json_schema_extra=IN_SECONDS,
    ),
]
FinishBy = Annotated[
    Time | None,
    Field(
        description="deadline: the job is refused if it is expected to end later, and reported if"
        " it is not final by then"
    ),
]
Waits = Annotated[
    _Backoff | None,
    Field(
        description="seconds before each retry: a number, a list whose last one repeats, or an"
        " object with base, factor and max",
        examples=[[1, 10, 60]],
    ),
]
Queue = Annotated[
    str,
    AfterValidator(validate_queue_name),
    Field(description="name of the queue in which the job waits"),
]
JobTags = Annotated[
    Tags | None,
    Field(
        description="names by which lists, bulk calls and events find the job",
        examples=[["nightly", "customer:42"]],
    ),
]
KeepFor = Annotated[
    float | None,
    Field(
        ge=0,
        le=10 * YEAR_SECONDS,
        description="seconds for which the job is kept after its end",
        examples=[86400],
        json_schema_extra=IN_SECONDS,
    ),
]
UniqueKey = Annotated[
    _Key | None, Field(description="at most one job at a time holds this key; see unique")
]
HeldUntil = Annotated[
    UniqueScope | None,
    Field(
        description="how long the job holds its unique key: until it starts (queued), until it is"
        " final (running, the default), or as long as it exists (final)"
    ),
]
IfExists = Annotated[
    Literal["refuse", "return", "replace"] | None,
    Field(
        description="if another job holds the unique key: refuse this one with 409 (the default),"
        " return the other one, or replace it if it is queued"
    ),
]
ConcurrencyKey = Annotated[
    _Key | None,
    Field(description="of the jobs with this key, at most max_per_key run at the same time"),
]
MaxPerKey = Annotated[
    int | None,
    Field(
        ge=1, le=1000, description="how many jobs with the concurrency key may run; 1 by default"
    ),
]

After = Annotated[
    Predecessors | None,
    Field(
        description="ids of jobs; the job starts after all of them have ended",
        examples=[[EXAMPLE_ID]],
    ),
]
IfPredecessorFails = Annotated[
    OnFailure | None,
    Field(
        description="if a job in after fails or is canceled: cancel this one (the default), or run"
        " it all the same"
    ),
]

Input = Annotated[
    InputFrom | None,
    Field(
        description="the job whose result becomes the field input of the payload; the job starts"
        " after its end",
        examples=[{"from": EXAMPLE_ID}],
    ),
]

FileReference = Annotated[
    UploadReference | None,
    Field(
        description="a resumable upload, or a file with this hash that any job has, as the file of"
        " the job, instead of a file in a form",
        examples=[{"id": UPLOAD_ID}, {"sha256": EXAMPLE_SHA256, "name": "app.log"}],
    ),
]


class JobChanges(BaseModel):
    """New values of the options of a queued job. Absent options stay unchanged."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    max_retries: MaxRetries = 1
    timeout: Timeout = None
    priority: Priority = 0
    run_at: RunAt = None
    delay: Delay = None
    queue: Queue = ""
    tags: JobTags = None
    keep_for: KeepFor = None
    memory_bytes: MemoryBytes = None
    cpu_seconds: CpuSeconds = None
    max_output_bytes: MaxOutputBytes = None
    nice: Nice = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if not self.model_fields_set:
            names = ", ".join(JobChanges.model_fields)
            raise ValueError(f'give at least one of {names}, for example {{"priority": 5}}')
        if {"run_at", "delay"} <= self.model_fields_set:
            raise ValueError("give either run_at or delay, not both")
        return self

    def columns(self, now: int) -> Json:
        """Return the new values by column; `now` is in milliseconds since 1970.

        Without a time or a delay, a job is due at once.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if limits := take_limits(given):
            given["limits"] = limits
        if given.keys() & {"run_at", "delay"}:
            delay_ms = round((given.pop("delay", None) or 0.0) * 1000)
            given["run_at"] = given.get("run_at") or now + delay_ms
        if "tags" in given:
            given["tags"] = given["tags"] or []
        if "keep_for" in given:
            seconds = given.pop("keep_for")
            given["keep_ms"] = None if seconds is None else round(seconds * 1000)
        return given
