"""The JSON documents of the API as types.

mypy checks the functions that build the documents against these types, and /openapi.json is
generated from them: a docstring here becomes the description of its schema. Times are RFC 3339 in
UTC, durations are in seconds. Imports only the enumerations of codes, statuses and outcomes.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, get_type_hints

from pydantic import Field
from typing_extensions import TypedDict

from server.http.codes import Code
from storage.records.job import Outcome
from storage.records.states import Status

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class Error(TypedDict):
    """Why an attempt or a job failed."""

    type: str
    message: str


class UploadDocument(TypedDict):
    """The file that was uploaded with a job; `size` is in bytes."""

    name: str
    size: int
    sha256: str


class AttemptDocument(TypedDict):
    """One attempt to run a job; `traceback` shows where it raised an exception, `last_lines` are
    the last lines that it printed."""

    attempt: int
    runner: str
    started_at: Time
    finished_at: Time | None
    seconds: float | None
    outcome: Outcome | None
    error: Error | None
    cpu_seconds: float | None
    peak_memory_bytes: int | None
    pid: int | None
    traceback: str | None
    last_lines: list[str]


class JobDocument(TypedDict):
    """A job with all its attempts."""

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
    loss_count: int
    max_losses: int
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


if TYPE_CHECKING:
    JobView = dict[str, Any]
else:
    JobView = TypedDict("JobView", get_type_hints(JobDocument, include_extras=True), total=False)
    JobView.__doc__ = """A job with all its fields, unless `view` or `fields` selects some."""


class PageDocument(TypedDict):
    """One page of the list of jobs; pass `next` as `cursor` to get the following page."""

    items: list[JobView]
    limit: int
    next: str | None


class SetDocument(TypedDict):
    """Jobs that were requested by their ids; `unknown` lists the ids for which no job exists."""

    items: list[JobView]
    limit: int
    next: None
    unknown: list[Id]


class AcceptedDocument(TypedDict):
    """A job that was accepted and queued."""

    job_id: Id
    status: Literal[Status.QUEUED]


class ChangedDocument(TypedDict):
    """The status of a job after a cancel or a retry."""

    job_id: Id
    status: Status
    message: str


class BulkDocument(TypedDict):
    """The result of changing many jobs. While `next` is not null, repeat the request with it as
    `cursor`.
    """

    matched: int
    changed: int
    dry_run: bool
    next: str | None


class Reason(TypedDict):
    """One reason why a job is not running."""

    code: str
    detail: str


class ExplainDocument(TypedDict):
    """Why a job is not running yet. `ahead` counts the due jobs that are claimed before it, up to a
    limit; `ahead_is_more` is true beyond that limit.
    """

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


class Piece(TypedDict):
    """A contiguous piece of an attempt's output; `position` is the offset of its first byte."""

    position: int
    text: str


class LogsDocument(TypedDict):
    """The stored output of an attempt, which printed `bytes` bytes in all. To continue from here,
    follow the job's events after `version`.
    """

    job_id: Id
    attempt: int
    bytes: int
    pieces: list[Piece]
    version: int


class HealthDocument(TypedDict):
    """The listener and its store respond."""

    status: Literal["ok"]


class StaleRunnerDocument(TypedDict):
    """A runner that hangs or is stopped. Its last heartbeat is `heartbeat_age` seconds old."""

    name: str
    heartbeat_age: float | None


class ReadyDocument(TypedDict):
    """New jobs can be accepted. `runners` is the number of live runners that can start jobs."""

    status: Literal["ready"]
    runners: int
    stale_runners: list[StaleRunnerDocument]


class SessionDocument(TypedDict):
    """The caller and its role. If `tokens` is false, authentication is off: callers have no names
    and may do anything.
    """

    tokens: bool
    name: str | None
    role: str


class TypeDocument(TypedDict):
    """A job type: whether it takes a file, and the JSON Schema of its payload."""

    upload: Literal["none", "required"]
    payload: dict[str, Any]


class IndexDocument(TypedDict):
    """Where to find the jobs and the API description, and the job types of this service."""

    service: str
    jobs: str
    openapi: str
    job_types: dict[str, TypeDocument]


class SumDocument(TypedDict):
    """A number of durations and their sum in seconds."""

    count: int
    seconds: float


class FiguresDocument(TypedDict):
    """The jobs of one type. `submitted` and `finished` count since the store was created."""

    queued: int
    running: int
    oldest_due_seconds: float | None
    submitted: int
    finished: dict[str, int]
    wait: SumDocument
    run: SumDocument


class QueueDocument(TypedDict):
    """A queue. `queued` is counted up to 10,000; `queued_is_more` is true if there are more."""

    name: str
    max_running: int | None
    paused: bool
    paused_at: Time | None
    running: int
    queued: int
    queued_is_more: bool
    oldest_due_seconds: float | None


class QueuesDocument(TypedDict):
    """All queues, sorted by name."""

    items: list[QueueDocument]


class RunnerDocument(TypedDict):
    """A live runner. `queues` are the queues it takes jobs from; null means all queues. A `stale`
    runner hangs or is stopped: its last heartbeat is `heartbeat_age` seconds old.
    """

    name: str
    slots: int
    busy: int
    queues: list[str] | None
    started_at: Time
    heartbeat_age: float | None
    stale: bool


class OverviewDocument(TypedDict):
    """Figures about all jobs, by type and by queue, and the live runners. `slots` and `busy` leave
    out stale runners.
    """

    types: dict[str, FiguresDocument]
    queues: list[QueueDocument]
    runners: list[RunnerDocument]
    slots: int
    busy: int


class MomentDocument(TypedDict):
    """Counters at one moment; they count since the store was created."""

    at: Time
    submitted: int
    finished: int
    wait: SumDocument


class HistoryDocument(TypedDict):
    """Counters at moments of the last hour; there are no moments for times without activity."""

    moments: list[MomentDocument]


class FieldDocument(TypedDict):
    """An invalid field and the reason.

    `field` is its path, such as payload.patterns[0], a parameter, a header, or body. `code` is the
    kind of error. `line` and `column` are those of a syntax error in JSON.
    """

    field: str
    detail: str
    code: str
    line: NotRequired[int]
    column: NotRequired[int]


class ProblemDocument(TypedDict):
    """An error (RFC 9457).

    `code` names its kind, and `type` is the address of a page about it. `request_id` is also in the
    header X-Request-ID and in the log. `job_id` is set if a submitted job may or may not have been
    stored.
    """

    type: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
    title: str
    status: int
    code: Annotated[str, Field(json_schema_extra={"enum": [str(code) for code in Code]})]
    detail: str
    request_id: str
    errors: NotRequired[list[FieldDocument]]
    job_id: NotRequired[Id]
