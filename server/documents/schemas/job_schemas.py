"""The JSON documents of jobs, and of changes of jobs, as types."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Literal, NotRequired, get_type_hints

from pydantic import Field
from typing_extensions import TypedDict

from server.documents.schemas.common import Error, Id, Time
from server.documents.schemas.explain import DryRunDocument
from storage.records.job import DEFAULT_MAX_LOSSES, Outcome, UniqueScope
from storage.records.json_values import Json, JsonValue
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import Status


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


class LimitsDocument(TypedDict):
    """What a job may use."""

    memory_bytes: int | None
    """Memory that each process of the job may have; null for no limit."""
    cpu_seconds: int | None
    """CPU time that each process of an attempt may use; null for no limit."""
    max_output_bytes: int | None
    """Output that is kept of each attempt; null for no limit."""
    nice: int | None
    """Niceness of the job: a higher one leaves more CPU time to other jobs; null for none."""


class HolderDocument(TypedDict):
    """The runner of a job, under the present name of the field and its name in earlier releases."""

    runner: str | None
    locked_by: str | None


class JobDocument(TypedDict):
    """A job with all its attempts."""

    job_id: Id
    """Id of the job: a UUID of version 7, in order of time."""
    type: str
    """Name of the job type."""
    status: Status
    """Where the job is in its life; succeeded, failed and canceled are final."""
    payload: Json
    """The input of the job, as it was submitted."""
    result: JsonValue
    """The value that the job type returned; null before success."""
    error: Error | None
    """Why the newest failed attempt ended; null after success."""
    progress: Json | None
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
    tags: list[str]
    """The tags of the job, as they were submitted."""
    metadata: Json | None
    """The JSON object that was submitted with the job; null without one."""
    after: list[Id]
    """Ids of the jobs that must end before this one starts, as they were submitted."""
    on_failure: Literal["cancel", "run"] | None
    """What happens if one of them does not succeed; null if it waits for no jobs."""
    input: dict[Literal["from"], Id] | None
    """The job whose result became the field `input` of the payload; null without one."""
    expires_at: Time | None
    """The job is canceled if it has not started before this time; null without one."""
    finish_by: Time | None
    """The deadline: the job has to be final by this time; null without one."""
    missed_at: Time | None
    """When it was noticed that the job had missed its deadline; null otherwise."""
    backoff: JsonValue
    """The waits before retries, as submitted; null for the usual ones."""
    unique_key: str | None
    """At most one job at a time holds this key; null without one."""
    unique: UniqueScope | None
    """How long the job holds its unique key: until it starts, until its end, or as long as it
    exists; null without a key."""
    schedule: str | None
    """Name of the schedule that submitted the job; null for other jobs."""
    nominal_at: Time | None
    """The time for which the schedule submitted the job; null for other jobs."""
    concurrency_key: str | None
    """Of the jobs with this key, at most `max_per_key` run at the same time; null without one."""
    max_per_key: int | None
    """How many jobs with the concurrency key may run at the same time; null without a key."""
    memory_bytes: int | None
    """Memory that each process of the job may have; null for the limit of its worker."""
    cpu_seconds: int | None
    """CPU time that each process of an attempt may use; null for the limit of its worker."""
    max_output_bytes: int | None
    """Output that is kept of each attempt; null for the limit of its worker."""
    nice: int | None
    """Niceness of the job; null for that of its worker."""
    keep_for: float | None
    """Seconds for which the job is kept after its end; null if the service decides."""
    callback_url: str | None
    """Address that is called at the end of the job; null without one."""
    batch_id: Id | None
    """Id of the batch with which the job was submitted; null for a job that was submitted alone."""
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
    runner: str | None
    """Name of the runner that holds the job; null unless it is running."""
    locked_by: Annotated[str | None, Field(json_schema_extra={"deprecated": True})]
    """The same as `runner`, for clients of earlier releases."""
    upload: UploadDocument | None
    """The file of the job; null without one."""
    files: int
    """How many files the job has left."""
    attempts: list[AttemptDocument]
    """All attempts to run the job, the oldest first."""


_REUSED_FROM = (
    "Id of the earlier job that answers a submission with `reuse`: this one. Only in the response"
    " to such a submission."
)
_DRY_RUN = (
    "What would happen to the job. Only in the response to a submission with `dry_run`, which"
    " stores no job."
)
_EXISTING = (
    "True: this is the job that holds the unique key of the submission, which was therefore not"
    " stored. Only in the response to a submission with `if_exists` of `return`."
)


ALWAYS_SENT = frozenset({"job_id", "status"})
"""The fields of a job that every response about it has."""
LARGE = frozenset({"payload", "result", "attempts"})
"""The fields that `view=summary` leaves out."""
UNSET: Json = {
    **dict.fromkeys(JobDocument.__annotations__),
    **dict.fromkeys(("retry_count", "loss_count", "client_retries", "priority", "files"), 0),
    **{"max_retries": 1, "max_losses": DEFAULT_MAX_LOSSES, "queue": DEFAULT_QUEUE},
    **{"tags": [], "after": []},
}
"""What a job has if its submission does not set a field and nothing has happened to it."""
CORE = LARGE | {
    *("job_id", "type", "status", "error", "progress", "attempt"),
    *("created_at", "run_at", "started_at", "finished_at"),
}
"""The fields that the document of a job has always, unless `view` or `fields` select others. It
leaves out each other one while its value is that of UNSET."""


if TYPE_CHECKING:
    JobView = Json
    VIEW_TYPES: Json
else:

    def _view(
        name: str, about: str, required: Collection[str], names: Collection[str], **more: JsonValue
    ):
        """Make the type of a view of jobs: it has these `names`, and each document has the
        `required` ones."""
        kinds = get_type_hints(JobDocument, include_extras=True)
        fields = {each: kind for each, kind in kinds.items() if each in names}
        fields = {k: v if k in required else NotRequired[v] for k, v in fields.items()}
        view = TypedDict(name, {**fields, **more})
        view.__doc__, view.described_by = about, JobDocument.__name__
        return view

    JobView = _view(
        "JobDocument",
        "A job with all its attempts. The response to a submission without a wait has only its id"
        " and its status, and `fields` selects the others. Else it has the fields that `DefaultJob`"
        " requires, and leaves out others while they are null, 0, empty or what the option is by"
        " default. `$defs` names the type of the job for each value of `view`.",
        ALWAYS_SENT,
        UNSET,
        reused_from=NotRequired[Annotated[Id, Field(description=_REUSED_FROM)]],
        dry_run=NotRequired[Annotated[DryRunDocument, Field(description=_DRY_RUN)]],
        existing=NotRequired[Annotated[Literal[True], Field(description=_EXISTING)]],
    )
    VIEW_TYPES = {
        "default": _view(
            "DefaultJob",
            "A job as calls without `view` and `fields` show it: without the options that its"
            " submission did not set, and without what has not happened to it.",
            CORE,
            UNSET,
        ),
        "summary": _view(
            "SummaryJob",
            "A job with `view=summary`: without payload, result and attempts.",
            CORE - LARGE,
            UNSET.keys() - LARGE,
        ),
        "full": _view("FullJob", "A job with `view=full`: all its fields.", UNSET, UNSET),
    }
    """The types of the views of a job. Generators know one type for each response, which is
    JobView; these are for programs that want to know what a view has for certain."""


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


class ChangedDocument(TypedDict):
    """The status of a job after a cancel or a retry."""

    job_id: Id
    """Id of the job."""
    status: Status
    """Status of the job now."""
    message: str
    """What happened, for people."""
    downstream: NotRequired[int]
    """After a retry with `downstream=true`, how many jobs were queued again that had been canceled
    because of this one. After a cancel with `dry_run=true`, how many would be canceled with it."""


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
