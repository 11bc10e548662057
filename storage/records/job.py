"""The records that all layers exchange, and the errors of the store. Imports only leaf modules.

Times are whole milliseconds since 1970 in UTC, durations are seconds.

    StoreError
    ├── StoreUnavailable   locked, unreachable or failing now: try again
    │   └── StoreInDoubt   a commit failed, and may have taken effect all the same
    ├── StoreFull          the disk has no room
    └── StoreUnusable      a foreign file or schema: trying again does not help
        └── StoreDamaged   a damaged SQLite file, as the log says once
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from uuid import UUID

from storage.records.audit import Actor
from storage.records.ids import new_id
from storage.records.job_limits import OwnLimits
from storage.records.json_values import Json, JsonValue
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import FINAL, Status
from storage.records.trace_context import TraceOrigin, trace_origin

UniqueScope = Literal["queued", "running", "final"]
"""How long a job holds its unique key: until it starts, until it is final, or as long as it exists.
"""
DEFAULT_MAX_LOSSES = 10
"""How often a job may lose its worker, unless its submission says otherwise."""


class StoreError(Exception):
    """The store could not do what was asked."""


class StoreUnavailable(StoreError):
    """The store is not available now; the same call can succeed later."""


class StoreInDoubt(StoreUnavailable):
    """A commit failed, and may have taken effect all the same: the caller has to look."""


class StoreFull(StoreError):
    """The store's disk is full; the same call can succeed once there is room."""


class StoreUnusable(StoreError):
    """The store is damaged, foreign or has a newer schema; an operator has to fix it."""


class StoreDamaged(StoreUnusable):
    """The SQLite file is damaged. The program has logged it, so callers need not."""


PASSING: dict[int, type[StoreError]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EIO: StoreUnavailable,
}
"""The errors of a disk after which the same call can succeed later."""


class Outcome(StrEnum):
    """How an attempt ended."""

    RETURNED = "returned"
    RAISED = "raised"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    """An allocation failed, or the kernel killed the process when memory ran out."""
    CRASHED = "crashed"
    LOST = "lost"
    """Its runner or its keeper died; uses a loss, and no retry."""
    RELEASED = "released"
    """Given back at shutdown; costs no retry."""


@dataclass(frozen=True)
class Upload:
    """A stored file. `name` is the client's name for it: a label, never a path."""

    id: UUID
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class EncodedJson:
    """A JSON object as text, which another process has encoded.

    text: as it is stored.
    sorted: with sorted keys, as `json.dumps` writes it.
    """

    text: str
    sorted: str


@dataclass
class NewJob:
    """A job as a client submits it. It is not frozen, since that would take twice the time to make.

    If `run_at` is None, it is due `delay` seconds after its submission. `timeout` is in seconds,
    None for no limit. Its file is `upload`, a new one, or the file of the earlier job with the id
    `source`.
    """

    type: str
    payload: Json | EncodedJson
    max_retries: int = 1
    timeout: float | None = None
    priority: int = 0
    run_at: int | None = None
    delay: float = 0.0
    upload: Upload | None = None
    source: UUID | None = None
    callback_url: str | None = None
    submitted_by: str | None = None
    """The name of the caller, if it has one."""
    queue: str = DEFAULT_QUEUE
    traceparent: str | None = None
    """The span of its submission, if the submission is traced."""
    max_losses: int = DEFAULT_MAX_LOSSES
    tags: tuple[str, ...] = ()
    """Names by which it is found. No tag occurs twice."""
    metadata: Json | None = None
    """A JSON object that the service stores and returns, and does not read."""
    keep_for: float | None = None
    """How many seconds it is kept after its end; None if the settings of the worker decide."""
    expires_at: int | None = None
    expires_in: float | None = None
    """The job does not start at this time or later, or so many seconds after its submission."""
    backoff: JsonValue = None
    """The waits before its retries, see `storage/records/backoff.py`. None for the usual ones."""
    unique_key: str | None = None
    unique_scope: UniqueScope | None = None
    """None without a unique key."""
    if_exists: str | None = None
    """What to do if another job holds the key: `refuse` (None), `return` or `replace`."""
    concurrency_key: str | None = None
    max_per_key: int | None = None
    """How many jobs with the concurrency key may run at once; None for one."""
    limits: OwnLimits | None = None
    """Its own limits by their names, at least one; None for those of its worker."""
    replaces_all: bool = False
    """Whether it may replace jobs of all callers, not only of its own."""
    schedule: str | None = None
    nominal_at: int | None = None
    """The schedule that submits it, and for which time; see `storage/records/schedule.py`."""
    after: tuple[UUID, ...] = ()
    """The jobs that must end before it starts, each once."""
    on_failure: str | None = None
    """What happens if one of them does not succeed: `cancel`, which is the default, or `run`."""
    input_from: UUID | None = None
    """The one of them whose result becomes the field `input` of the payload."""
    holds: int = 0
    """What holds it, as bits of `Hold`, see `storage/records/holds.py`."""
    watched: int = 0
    """What reacts to its end, as bits of `Watch`."""
    batch_id: UUID | None = None
    """The batch to which it belongs."""
    finish_by: int | None = None
    """The time by which it has to be final."""
    actor: Actor | None = None
    """Who is recorded in the audit log as the one who submits it; None if nobody is."""
    id: UUID = field(default_factory=new_id)

    def replaced(self, **fields: object) -> "NewJob":
        """Return a job that differs in some fields. `dataclasses.replace` takes ten times as long,
        and a batch has thousands of jobs."""
        new = object.__new__(NewJob)
        vars(new).update(vars(self), **fields)
        return new


@dataclass(frozen=True)
class Usage:
    """The resources that an attempt used; None where unknown.

    CPU is in seconds, peak memory in bytes. `pid` is the process id on the worker's system.
    """

    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    pid: int | None = None


@dataclass(frozen=True)
class Attempt:
    """One run of a job; `outcome` and `finished_at` are None while it runs."""

    number: int
    runner: str
    started_at: int
    finished_at: int | None
    outcome: Outcome | None
    error: Json | None
    usage: Usage
    traceback: str | None = None
    """Where an exception was raised, if it raised one."""
    last_lines: tuple[str, ...] = ()
    """The last lines of its output, unless it succeeded or was released."""


@dataclass(frozen=True)
class Fence:
    """Identifies an attempt and its holder.

    A change with a fence takes effect only if this runner still holds the job in this attempt. The
    fields that do not take part in comparisons are for counters and traces only.
    """

    job_id: UUID
    runner: str
    attempt: int
    type: str = field(default="", compare=False)
    started_at: int = field(default=0, compare=False)
    trace_origin: TraceOrigin | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Job:
    """A stored request and its life. `error` is {"type", "message"}."""

    id: UUID
    type: str
    status: Status
    payload: Json
    result: JsonValue
    error: Json | None
    progress: Json | None
    attempt: int
    retry_count: int
    max_retries: int
    priority: int
    timeout: float | None
    created_at: int
    run_at: int
    started_at: int | None
    finished_at: int | None
    cancel_requested_at: int | None
    locked_by: str | None
    version: int
    client_retries: int = 0
    """How often a client retried it after it was final."""
    callback_url: str | None = None
    """URL to notify when the job is final."""
    submitted_by: str | None = None
    canceled_by: str | None = None
    """Names of the callers who submitted it, and who canceled it."""
    queue: str = DEFAULT_QUEUE
    traceparent: str | None = None
    """The span of its submission, if the submission was traced."""
    loss_count: int = 0
    max_losses: int = DEFAULT_MAX_LOSSES
    """How many attempts lost their runner or keeper, and how many may."""
    upload: Upload | None = None
    attempts: tuple[Attempt, ...] = field(default=())
    tags: tuple[str, ...] = ()
    metadata: Json | None = None
    keep_ms: int | None = None
    """How long it is kept after its end; None if the settings of the worker decide."""
    expires_at: int | None = None
    """The job does not start at this time or later."""
    backoff: JsonValue = None
    """The waits before its retries, see `storage/records/backoff.py`. None for the usual ones."""
    finish_by: int | None = None
    """The time by which it has to be final."""
    missed_at: int | None = None
    """When it was recorded that the job was not final by `finish_by`."""
    schedule: str | None = None
    nominal_at: int | None = None
    """The schedule that submitted it, and for which time. None for other jobs."""
    after: tuple[UUID, ...] = ()
    """The jobs that had to end before it started, as they were submitted."""
    on_failure: str | None = None
    """What happens if one of them does not succeed, `cancel` or `run`; None if there are none."""
    input_from: UUID | None = None
    """The one of them whose result becomes the field `input` of the payload."""
    holds: int | None = None
    """What holds it, as bits of `Hold`, see `storage/records/holds.py`. While it is held, `run_at`
    is its own time, and it does not start even if that has passed."""
    watched: int | None = None
    """What reacts to its end, as bits of `Watch`; None if nothing does."""
    unique_key: str | None = None
    unique_scope: UniqueScope | None = None
    """None without a unique key."""
    batch_id: UUID | None = None
    """The batch with which it was submitted; None for a job that was submitted alone."""
    concurrency_key: str | None = None
    max_per_key: int | None = None
    """How many jobs with the concurrency key may run at once; None without a key."""
    limits: OwnLimits | None = None
    """Its own limits by their names, at least one; None for those of its worker."""
    file_count: int | None = None
    """How many files it has left; None if none."""

    @property
    def files(self) -> int:
        """How many files it has left, see `storage/records/job_file.py`."""
        return self.file_count or 0

    @property
    def held(self) -> bool:
        """Whether it is queued and waits for something else than its time and a free slot."""
        return self.holds is not None and self.status is Status.QUEUED

    @property
    def final(self) -> bool:
        """Whether the job is in a final status."""
        return self.status in FINAL

    @property
    def fence(self) -> Fence:
        """The fence of the current attempt. Only for a running job."""
        assert self.locked_by is not None
        held = self.id, self.locked_by, self.attempt, self.type, self.started_at or 0
        return Fence(*held, trace_origin(self.traceparent, self.created_at, self.run_at))


JobCheck = Callable[[Job], None]
"""Is called with a job before a client changes it, in the same transaction: no one else can change
the job between the two. Raises an exception if the client may not."""
