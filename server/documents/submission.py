"""The fields of a new job, as a client submits them."""

from pydantic import BaseModel, ConfigDict, Field

from server.documents.options.job_options import (
    After,
    ConcurrencyKey,
    Delay,
    ExpiresAt,
    ExpiresIn,
    FileReference,
    FinishBy,
    HeldUntil,
    IfExists,
    IfPredecessorFails,
    Input,
    JobTags,
    KeepFor,
    MaxPerKey,
    MaxRetries,
    Priority,
    Queue,
    RunAt,
    Timeout,
    UniqueKey,
    Waits,
)
from server.documents.options.limits import CpuSeconds, MaxOutputBytes, MemoryBytes, Nice
from server.documents.options.tags import Metadata
from storage.records.job import DEFAULT_MAX_LOSSES
from storage.records.json_values import Json
from storage.records.queue_name import DEFAULT_QUEUE


class Submission(BaseModel):
    """The fields of a new job."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    type: str = Field(description="name of the job type")
    payload: Json = Field(description="the input of the job, as its type defines it")
    max_retries: MaxRetries = 1
    max_losses: int = Field(
        DEFAULT_MAX_LOSSES,
        ge=0,
        le=100,
        description="how often the job may run again after its worker died",
    )
    timeout: Timeout = None
    priority: Priority = 0
    run_at: RunAt = None
    delay: Delay = None
    callback_url: str | None = Field(
        None, max_length=2000, description="address that is called at the end of the job"
    )
    queue: Queue = DEFAULT_QUEUE
    tags: JobTags = None
    keep_for: KeepFor = None
    expires_at: ExpiresAt = None
    expires_in: ExpiresIn = None
    finish_by: FinishBy = None
    backoff: Waits = None
    after: After = None
    on_failure: IfPredecessorFails = None
    input: Input = None
    unique_key: UniqueKey = None
    unique: HeldUntil = None
    if_exists: IfExists = None
    concurrency_key: ConcurrencyKey = None
    max_per_key: MaxPerKey = None
    memory_bytes: MemoryBytes = None
    cpu_seconds: CpuSeconds = None
    max_output_bytes: MaxOutputBytes = None
    nice: Nice = None
    upload: FileReference = None
    metadata: Metadata | None = Field(
        None,
        description="a small JSON object that is stored and returned with the job",
        examples=[{"customer": 42}],
    )
