"""The records of a run, which the checker reads."""

from dataclasses import dataclass, field
from typing import Any

from storage.records.job import DEFAULT_MAX_LOSSES


@dataclass(frozen=True)
class Change:
    """The state of a job after a change. `op` is insert, update or delete."""

    op: str
    job_id: str
    status: str
    attempt: int
    holder: str | None
    retry_count: int
    max_retries: int
    cancel_requested: bool
    version: int
    result: str | None = None
    error: str | None = None
    client_retries: int = 0
    loss_count: int = 0
    max_losses: int = DEFAULT_MAX_LOSSES
    transaction: int = field(default=0, compare=False)
    """The id of the transaction that made the change."""


@dataclass(frozen=True)
class AttemptChange:
    """The state of an attempt after a change; `outcome` is None while the attempt runs."""

    op: str
    job_id: str
    number: int
    runner: str
    outcome: str | None = None


@dataclass(frozen=True)
class Execution:
    """An event in a job process: start, end or overlap. `run` is unique for each execution."""

    event: str
    job_id: str
    attempt: int
    run: str


@dataclass(frozen=True)
class Acknowledged:
    """A job whose submission was answered 202; `counts` is the expected result of an analysis.

    It waits for the jobs in `after`; with `runs_anyway`, whether they succeed or not. It gets the
    result of the job `input_from`.
    """

    job_id: str
    type: str
    max_retries: int
    counts: dict[str, int] | None = None
    after: tuple[str, ...] = ()
    runs_anyway: bool = False
    input_from: str | None = None
    has_callback: bool = False


@dataclass(frozen=True)
class Keys:
    """The keys of a job; None for a key that it does not have."""

    unique_key: str | None = None
    scope: str | None = None
    concurrency_key: str | None = None
    max_per_key: int | None = None


@dataclass(frozen=True)
class Seen:
    """A final job as a client read it. `client_retries` tells the ends of a retried job apart."""

    status: str
    result: Any
    client_retries: int = 0


@dataclass(frozen=True)
class FollowedEvent:
    """A status event as a client got it. `version` is the number of the change."""

    version: int
    job_id: str
    status: str


@dataclass(frozen=True)
class Views:
    """The answers of a listener at the end.

    These are the status of each job by its id, the ids of the jobs of each status, and the sums of
    its metrics over all types.
    """

    listed: dict[str, str]
    by_status: dict[str, list[str]]
    submitted: int
    finished: dict[str, int]
    unfinished: int


@dataclass(frozen=True)
class Violation:
    """A promise that was broken."""

    promise: str
    job_id: str
    text: str

    def __str__(self) -> str:
        return f"{self.promise} {self.job_id} {self.text}"


@dataclass
class History:
    """All records of a run. `entries` and `executions` are in the order in which they happened."""

    entries: list[Change | AttemptChange] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    keys: dict[str, Keys] = field(default_factory=dict)
    """The keys of the jobs that have some, by job id."""
    stored: dict[str, int] = field(default_factory=dict)
    """The versions of the jobs that are in the table at the end, by job id."""
    attempts: dict[str, list[tuple[int, str | None]]] = field(default_factory=dict)
    """The numbers and outcomes of the attempts that each job shows at the end, by job id."""
    followed: list[FollowedEvent] | None = None
    """The status events that a client got; None if none followed them."""
    views: list[Views] = field(default_factory=list)
    """What each listener says at the end."""
