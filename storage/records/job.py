"""The records that are passed around, and the errors of this layer. Imports only leaves.

Times are whole milliseconds since 1970 in UTC, durations are seconds.

    StoreError
    ├── StoreUnavailable   locked, unreachable or failing now: try again
    │   └── StoreInDoubt   a commit failed, and may have been made all the same
    ├── StoreFull          the disk has no room
    └── StoreUnusable      a file or a schema that is not ours: trying again does not help
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from storage.records.ids import new_id
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import FINAL, Status
from storage.records.trace_context import TraceOrigin, trace_origin

Json = dict[str, Any]


class StoreError(Exception):
    """Anything that the store could not do."""


class StoreUnavailable(StoreError):
    """The store cannot take it now; the same call can succeed later."""


class StoreInDoubt(StoreUnavailable):
    """A commit failed, and may have been made all the same: the store has to be asked."""


class StoreFull(StoreError):
    """The store's disk is full; the same call can succeed once there is room."""


class StoreUnusable(StoreError):
    """The store is damaged, foreign or of a newer schema; a person has to look."""


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    RETURNED = "returned"
    RAISED = "raised"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    """It was refused memory, or killed by the kernel when memory ran out."""
    CRASHED = "crashed"
    LOST = "lost"
    """With its runner, or with its keeper."""
    RELEASED = "released"
    """Given back at shutdown; costs no retry."""


@dataclass(frozen=True)
class Upload:
    """A stored file. `name` is what the client called it: a label, never a path."""

    id: UUID
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class NewJob:
    """What a client submits. `run_at` None means in `delay` seconds, `timeout` None no limit
    (seconds).

    Its file is `upload`, a new one, or that of an earlier job: `source`, the job's id.
    """

    type: str
    payload: Json
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
    """The span of its submission, if that is traced."""
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True)
class Usage:
    """What an attempt used: CPU in seconds, peak memory in bytes, and which process, as its
    worker's system numbers them; None where unknown."""

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
    outcome: AttemptOutcome | None
    error: Json | None
    usage: Usage
    last_lines: tuple[str, ...] = ()
    """What it printed last, if it did not end well."""


@dataclass(frozen=True)
class Fence:
    """What the holder of an attempt must still hold for its change to count.

    The rest goes along for the tallies and traces, and decides nothing.
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
    result: Any
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
    """How often a client had it retried after it was final."""
    callback_url: str | None = None
    """Where a client wants to be told of its end."""
    submitted_by: str | None = None
    canceled_by: str | None = None
    """Names of callers: who has submitted it, and who has wanted it canceled."""
    queue: str = DEFAULT_QUEUE
    traceparent: str | None = None
    """The span of its submission, if that was traced."""
    upload: Upload | None = None
    attempts: tuple[Attempt, ...] = field(default=())

    @property
    def final(self) -> bool:
        """Whether the job has ended for good."""
        return self.status in FINAL

    @property
    def fence(self) -> Fence:
        """That of its present attempt; only of a running job."""
        assert self.locked_by is not None
        held = self.id, self.locked_by, self.attempt, self.type, self.started_at or 0
        return Fence(*held, trace_origin(self.traceparent, self.created_at, self.run_at))


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended, as its holder saw it.

    `error` is {"type", "message"}; `progress` is the last one as JSON text, None to keep the
    stored one.
    """

    outcome: AttemptOutcome
    error: Json | None = None
    usage: Usage = Usage()
    progress: str | None = None
