"""The documents that clients get, as types: what `wire` makes, and what /openapi.json tells of it.

Imports nothing of ours but the words for statuses and outcomes. Times are RFC 3339 in UTC.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from storage.records.job import AttemptOutcome
from storage.records.states import Status

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
closed = with_config(ConfigDict(extra="forbid"))


@closed
class Error(TypedDict):
    """How an attempt ended badly."""

    type: str
    message: str


@closed
class UploadDocument(TypedDict):
    """A job's file."""

    name: str
    size: int
    sha256: str


@closed
class AttemptDocument(TypedDict):
    """One run of a job."""

    attempt: int
    runner: str
    started_at: Time
    finished_at: Time | None
    seconds: float | None
    outcome: AttemptOutcome | None
    error: Error | None
    cpu_seconds: float | None
    peak_memory_bytes: int | None
    pid: int | None
    last_lines: list[str]


@closed
class JobDocument(TypedDict):
    """A job."""

    job_id: Id
    type: str
    status: Status
    payload: dict[str, Any]
    result: Any
    error: Error | None
    progress: dict[str, Any] | None
    attempt: int
    retry_count: int
    max_retries: int
    client_retries: int
    priority: int
    queue: str
    callback_url: str | None
    submitted_by: str | None
    canceled_by: str | None
    timeout: float | None
    created_at: Time
    run_at: Time
    started_at: Time | None
    finished_at: Time | None
    cancel_requested_at: Time | None
    locked_by: str | None
    upload: UploadDocument | None
    attempts: list[AttemptDocument]


@closed
class PageDocument(TypedDict):
    """A part of the list of jobs; `next` is the `cursor` of the part after it."""

    items: list[JobDocument]
    limit: int
    next: str | None


@closed
class SetDocument(TypedDict):
    """Jobs that were asked for by their ids; `unknown` are those that no job has."""

    items: list[JobDocument]
    limit: int
    next: None
    unknown: list[Id]


@closed
class AcceptedDocument(TypedDict):
    """A new job."""

    job_id: Id
    status: Literal[Status.QUEUED]


@closed
class ChangedDocument(TypedDict):
    """What has become of a job by a cancel or a retry."""

    job_id: Id
    status: Status
    message: str


@closed
class BulkDocument(TypedDict):
    """A change of many jobs; send it again with `next` as `cursor` while that is not null."""

    matched: int
    changed: int
    dry_run: bool
    next: str | None


@closed
class Reason(TypedDict):
    """Why a job does not run."""

    code: str
    detail: str


@closed
class ExplainDocument(TypedDict):
    """A job among the others."""

    job_id: Id
    status: Status
    reasons: list[Reason]
    position: int | None
    ahead: int | None
    ahead_is_more: bool
    run_at: Time
    runners: int
    slots: int
    busy: int
    estimated_start_at: Time | None
    estimated_seconds: float | None


@closed
class Piece(TypedDict):
    """A part of what an attempt has printed; `position` is where it begins, in bytes."""

    position: int
    text: str


@closed
class LogsDocument(TypedDict):
    """What is kept of all that an attempt has printed; events after `version` go on from there."""

    job_id: Id
    attempt: int
    bytes: int
    pieces: list[Piece]
    version: int
