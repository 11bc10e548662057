"""The JSON documents of figures about all jobs, and of runners, as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Time
from server.documents.schemas.jobs import LimitsDocument
from server.documents.schemas.queues import QueueDocument


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
    cgroups: bool | None
    """Whether each of its jobs has a control group; null for a runner of an earlier release."""
    limits: LimitsDocument | None
    """What its jobs may use; null for a runner of an earlier release."""
    heartbeat_age: float | None
    """Seconds since its last heartbeat; null if it is unknown."""
    stale: bool
    """Whether the runner hangs or is stopped, or has lost its lease within an hour."""


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
