"""The JSON documents of the API as types.

mypy checks the functions that build the documents against these types, and /openapi.json is
generated from them: the docstrings of a class and of its fields become descriptions. Times are RFC
3339 in UTC, durations are in seconds. Imports only the enumerations of codes, statuses and
outcomes.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, get_type_hints

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from server.http.codes import Code
from storage.records.job import Outcome
from storage.records.states import Status

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
_CODES: list[JsonValue] = [str(code) for code in Code]


class Error(TypedDict):
    """Why an attempt or a job failed."""

    type: str
    """Kind of the error, such as the name of an exception, `TimedOut` or `Lost`."""
    message: str
    """What went wrong, for people."""


class UploadDocument(TypedDict):
    """The file that was uploaded with a job."""

    name: str
    """The file's name as the client gave it, without folders."""
    size: int
    """Size of the stored file in bytes."""
    sha256: str
    """SHA-256 of the stored file, in hexadecimal digits."""


class AttemptDocument(TypedDict):
    """One attempt to run a job."""

    attempt: int
    """Number of the attempt, from 1."""
    runner: str
    """Name of the runner that held the job."""
    started_at: Time
    """When the attempt began."""
    finished_at: Time | None
    """When the attempt ended; null while it runs."""
    seconds: float | None
    """Duration of the attempt; null while it runs."""
    outcome: Outcome | None
    """How the attempt ended; null while it runs."""
    error: Error | None
    """Why the attempt failed; null if it did not."""
    cpu_seconds: float | None
    """CPU time of the job and its finished child processes; null if it is unknown."""
    peak_memory_bytes: int | None
    """Largest memory of the job's own process; null if it is unknown."""
    pid: int | None
    """Number of the job's process on the worker's system; null if it is unknown."""
    traceback: str | None
    """Where the job raised an exception, at most 16 KiB; null for all other outcomes."""
    last_lines: list[str]
    """The last lines that a failed attempt printed, at most ten."""


class JobDocument(TypedDict):
    """A job with all its attempts."""

    job_id: Id
    """Id of the job: a UUID of version 7, in order of time."""
    type: str
    """Name of the job type."""
    status: Status
    """Where the job is in its life; succeeded, failed and canceled are final."""
    payload: dict[str, Any]
    """The input of the job, as it was submitted."""
    result: Any
    """The value that the job type returned; null before success."""
    error: Error | None
    """Why the newest failed attempt ended; null after success."""
    progress: dict[str, Any] | None
    """The newest progress report; null before the first."""
    attempt: int
    """Number of the newest attempt; 0 before the first."""
    retry_count: int
    """Retries that the job has used."""
    max_retries: int
    """Retries that the job may use."""
    loss_count: int
    """How often the job has lost its worker."""
    max_losses: int
    """How often the job may lose its worker before it fails."""
    client_retries: int
    """How often a client has retried the job after it was final."""
    priority: int
    """A higher priority starts first."""
    queue: str
    """Name of the queue in which the job waits."""
    callback_url: str | None
    """Address that is called at the end of the job; null without one."""
    submitted_by: str | None
    """Name of the caller who submitted the job; null without tokens."""
    canceled_by: str | None
    """Name of the caller who canceled the job; null otherwise."""
    timeout: float | None
    """Seconds after which an attempt is killed; null without a limit."""
    created_at: Time
    """When the job was accepted."""
    run_at: Time
    """The job does not start before this time; also the time of its next retry."""
    started_at: Time | None
    """When the newest attempt began; null before the first."""
    finished_at: Time | None
    """When the job became final; null before."""
    cancel_requested_at: Time | None
    """When a client asked to cancel the job; null otherwise."""
    locked_by: str | None
    """Name of the runner that holds the job; null unless it is running."""
    upload: UploadDocument | None
    """The file of the job; null without one."""
    attempts: list[AttemptDocument]
    """All attempts to run the job, the oldest first."""


_REUSED_FROM = (
    "Id of the earlier job that answers a submission with `reuse`: this one. Only in the response"
    " to such a submission."
)
ALWAYS_SENT = frozenset({"job_id", "status"})
"""The fields of a job that every response about it has."""
if TYPE_CHECKING:
    JobView = dict[str, Any]
else:
    JobView = TypedDict(
        "JobDocument",  # the only description of jobs that clients see
        {
            **{
                name: kind if name in ALWAYS_SENT else NotRequired[kind]
                for name, kind in get_type_hints(JobDocument, include_extras=True).items()
            },
            "reused_from": NotRequired[Annotated[Id, Field(description=_REUSED_FROM)]],
        },
    )
    JobView.__doc__ = """A job with all its attempts. Only its id and its status are in the response
    to a submission without a wait, and always with `view` or `fields`, which select other fields.
    """


class PageDocument(TypedDict):
    """Jobs: one page of the list, or those that were requested by their ids."""

    items: list[JobView]
    """The jobs: newest first in a list, in the order of the ids in a list by ids."""
    limit: int
    """Maximum number of jobs in the response."""
    next: str | None
    """Pass it as `cursor` to get the following page; null on the last page, and by ids."""
    unknown: NotRequired[list[Id]]
    """The ids for which no job exists; only in lists by ids."""


class AcceptedDocument(TypedDict):
    """A job that was accepted and queued."""

    job_id: Id
    """Id of the new job."""
    status: Literal[Status.QUEUED]
    """Always queued."""


class ChangedDocument(TypedDict):
    """The status of a job after a cancel or a retry."""

    job_id: Id
    """Id of the job."""
    status: Status
    """Status of the job now."""
    message: str
    """What happened, for people."""


class BulkDocument(TypedDict):
    """The result of changing many jobs."""

    matched: int
    """Number of jobs that the filters selected in this call."""
    changed: int
    """Number of jobs that this call changed."""
    dry_run: bool
    """Whether the call only counted."""
    next: str | None
    """Repeat the request with it as `cursor`; null if no more jobs are selected."""


class Reason(TypedDict):
    """One reason why a job is not running."""

    code: str
    """Kind of the reason, for programs, such as `jobs_ahead` or `no_runner`."""
    detail: str
    """The reason, for people."""


class ExplainDocument(TypedDict):
    """Why a job is not running yet."""

    job_id: Id
    """Id of the job."""
    status: Status
    """Status of the job."""
    reasons: list[Reason]
    """All known reasons."""
    position: int | None
    """Place in the order of claims, from 1; null if the job is not queued and due."""
    ahead: int | None
    """Number of due jobs that are claimed before this one; null if it is not queued and due."""
    ahead_is_more: bool
    """Whether there are more jobs ahead than were counted."""
    run_at: Time
    """The job does not start before this time."""
    runners: int
    """Number of living runners that take jobs of the job's queue."""
    slots: int
    """Number of jobs that these runners can run at once."""
    busy: int
    """Number of their slots that have a job."""
    estimated_start_at: Time | None
    """When the job is expected to start; null without an estimate."""
    estimated_seconds: float | None
    """Seconds until the estimated start; null without an estimate."""


class Piece(TypedDict):
    """A contiguous piece of an attempt's output."""

    position: int
    """Offset of the piece's first byte in the output of the attempt."""
    text: str
    """The output; bytes that are not UTF-8 are replacement characters."""


class LineDocument(TypedDict):
    """A line of a file."""

    line: int
    """Number of the line, from 1."""
    time: Time | None
    """The time at the start of the line; null if it has none."""
    text: str
    """The line without its line end; of a line of more than 16 KiB, the start."""
    matches: list[list[int]]
    """Start and end of each match, in characters of the text; at most 100."""
    context: NotRequired[bool]
    """True for a line that does not match, but is near one that does."""
    truncated: NotRequired[bool]
    """True if the text is only the start of the line."""


class LinesDocument(TypedDict):
    """A page of lines of a file."""

    lines: list[LineDocument]
    """The lines, in the order of the file. They can be few or none, although more follow."""
    next: str | None
    """Cursor of the next page; null at the end of the file, or of the requested times."""
    total_lines: int | None
    """Number of lines in the file; null if it is not known yet."""
    problem: str | None
    """Why the file cannot be read beyond this page, if it is damaged; else null."""


class LogsDocument(TypedDict):
    """The stored output of an attempt."""

    job_id: Id
    """Id of the job."""
    attempt: int
    """Number of the attempt."""
    bytes: int
    """Total size of the output that the attempt printed, kept or not."""
    pieces: list[Piece]
    """The parts of the output that are kept: all of it, or its start and its end."""
    version: int
    """Number of the newest change in this response; follow the events after it."""


class HealthDocument(TypedDict):
    """The listener and its store respond."""

    status: Literal["ok"]
    """Always ok."""
    version: str
    """The release of the listener, such as 0.1.0."""


class StaleRunnerDocument(TypedDict):
    """A runner that hangs or is stopped."""

    name: str
    """Name of the runner."""
    heartbeat_age: float | None
    """Seconds since its last heartbeat; null if it is unknown."""


class ReadyDocument(TypedDict):
    """New jobs can be accepted."""

    status: Literal["ready"]
    """Always ready."""
    runners: int
    """Number of living runners that can start jobs."""
    stale_runners: list[StaleRunnerDocument]
    """Runners that hang or are stopped."""


class SessionDocument(TypedDict):
    """The caller and its role."""

    tokens: bool
    """Whether authentication is on. If it is off, callers have no names and may do anything."""
    name: str | None
    """Name of the caller; null without tokens."""
    role: str
    """Role of the caller: read, submit or admin."""


class TypeDocument(TypedDict):
    """A job type: whether it takes a file, and the JSON Schema of its payload."""

    upload: Literal["none", "required"]
    """Whether a job of this type needs a file."""
    payload: dict[str, Any]
    """JSON Schema of the payload."""


class IndexDocument(TypedDict):
    """Where to find the jobs and the API description, and the job types of this service."""

    service: str
    """Name of the service."""
    jobs: str
    """Path of the jobs."""
    openapi: str
    """Path of the API description."""
    job_types: dict[str, TypeDocument]
    """The job types, by name."""


class SumDocument(TypedDict):
    """A number of durations and their sum."""

    count: int
    """Number of durations."""
    seconds: float
    """Sum of the durations in seconds."""


class FiguresDocument(TypedDict):
    """The jobs of one type. `submitted` and `finished` count since the store was created."""

    queued: int
    """Number of queued jobs."""
    running: int
    """Number of running jobs."""
    oldest_due_seconds: float | None
    """How long the longest due job has waited; null without one."""
    submitted: int
    """Number of jobs that were submitted."""
    finished: dict[str, int]
    """Number of jobs that became final, by status."""
    wait: SumDocument
    """How long jobs waited from being due to their start."""
    run: SumDocument
    """How long attempts ran."""


class QueueDocument(TypedDict):
    """A queue, and how many jobs it has."""

    name: str
    """Name of the queue."""
    max_running: int | None
    """How many of its jobs may run at once, in all workers together; null without a limit."""
    paused: bool
    """Whether it starts no jobs."""
    paused_at: Time | None
    """Since when it is paused; null if it is not."""
    running: int
    """Number of its running jobs."""
    queued: int
    """Number of its queued jobs, counted up to 10,000."""
    queued_is_more: bool
    """Whether it has more queued jobs than were counted."""
    oldest_due_seconds: float | None
    """How long its longest due job has waited; null without one."""


class QueuesDocument(TypedDict):
    """All queues, sorted by name."""

    items: list[QueueDocument]
    """The queues."""


class RunnerDocument(TypedDict):
    """A living runner."""

    name: str
    """Name of the runner, unique for each start of a worker."""
    slots: int
    """Number of jobs that it can run at once."""
    busy: int
    """Number of its slots that have a job."""
    queues: list[str] | None
    """Names of the queues that it takes jobs from; null for all queues."""
    started_at: Time
    """When the worker started."""
    heartbeat_age: float | None
    """Seconds since its last heartbeat; null if it is unknown."""
    stale: bool
    """Whether the runner hangs or is stopped."""


class OverviewDocument(TypedDict):
    """Figures about all jobs, and the living runners."""

    types: dict[str, FiguresDocument]
    """Figures of the jobs, by the name of their type."""
    queues: list[QueueDocument]
    """All queues."""
    runners: list[RunnerDocument]
    """All living runners."""
    slots: int
    """Number of jobs that can run at once, without stale runners."""
    busy: int
    """Number of slots that have a job, without stale runners."""


class MomentDocument(TypedDict):
    """Counters at one moment; they count since the store was created."""

    at: Time
    """The moment."""
    submitted: int
    """Number of jobs that were submitted until then."""
    finished: int
    """Number of jobs that became final until then."""
    wait: SumDocument
    """How long jobs waited until then."""


class HistoryDocument(TypedDict):
    """Counters at moments of the last hour; there are no moments for times without activity."""

    moments: list[MomentDocument]
    """The moments, the oldest first."""


class FieldDocument(TypedDict):
    """An invalid field and the reason."""

    field: str
    """Path of the value, such as payload.patterns[0], or a parameter, a header, or body."""
    detail: str
    """What is wrong with it, for people."""
    code: str
    """Kind of the error: missing, unknown, repeated, wrong_type, wrong_length, out_of_range,
    not_allowed, malformed or invalid."""
    line: NotRequired[int]
    """Line of a syntax error in JSON."""
    column: NotRequired[int]
    """Column of a syntax error in JSON."""


class ProblemDocument(TypedDict):
    """An error (RFC 9457)."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
    """Address of a page that explains the code."""
    title: str
    """Short name of the code."""
    status: int
    """Status of the response."""
    code: Annotated[str, Field(json_schema_extra={"x-extensible-enum": _CODES})]
    """Kind of the error, for programs. Later releases may add codes."""
    detail: str
    """What is wrong in this request, for people."""
    request_id: str
    """Id of the request, also in the header X-Request-ID and in the log."""
    errors: NotRequired[list[FieldDocument]]
    """All errors of the request, up to 100."""
    job_id: NotRequired[Id]
    """Id of the job that may or may not have been stored."""
