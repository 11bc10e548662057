"""What a run leaves behind, for the checker: records only. Imports nothing of ours."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Change:
    """A job as a change has left it. `op` is insert, update or delete."""

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
    transaction: int = field(default=0, compare=False)
    """A number of the transaction that has made it."""


@dataclass(frozen=True)
class AttemptChange:
    """A job's attempt as a change has left it; `outcome` is None while it runs."""

    op: str
    job_id: str
    number: int
    runner: str
    outcome: str | None = None


@dataclass(frozen=True)
class Execution:
    """What a job process has noted of itself: start, end or overlap. `run` is a name of its own."""

    event: str
    job_id: str
    attempt: int
    run: str


@dataclass(frozen=True)
class Acknowledged:
    """A job whose 202 was read; `counts` is what an analysis has to find."""

    job_id: str
    type: str
    max_retries: int
    counts: dict[str, int] | None = None


@dataclass(frozen=True)
class Seen:
    """A final job as a client has read it; `client_retries` tells which of its ends that is."""

    status: str
    result: Any
    client_retries: int = 0


@dataclass
class History:
    """All of it; `entries` and `executions` in the order in which they happened."""

    entries: list[Change | AttemptChange] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    """The version of each job that is in the table at the end."""
    parts: int = 0
    """How many parts of jobs are left at the end."""
