"""The documents that tell of the service itself, and errors; as those of `answers`."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from server.documents.job_schemas import Id, Time, closed


@closed
class HealthDocument(TypedDict):
    """The listener and its store answer."""

    status: Literal["ok"]


@closed
class ReadyDocument(TypedDict):
    """New jobs can be taken."""

    status: Literal["ready"]
    runners: int


@closed
class SessionDocument(TypedDict):
    """Who asks. Without `tokens` there are no names, and anyone may do anything."""

    tokens: bool
    name: str | None
    role: str


@closed
class TypeDocument(TypedDict):
    """A job type."""

    upload: Literal["none", "required"]
    payload: dict[str, Any]


@closed
class IndexDocument(TypedDict):
    """What is here."""

    service: str
    jobs: str
    openapi: str
    job_types: dict[str, TypeDocument]


@closed
class SumDocument(TypedDict):
    """Lengths of time: how many, and their sum."""

    count: int
    seconds: float


@closed
class FiguresDocument(TypedDict):
    """The jobs of a type; those submitted and finished are counted since the store was made."""

    queued: int
    running: int
    oldest_due_seconds: float | None
    submitted: int
    finished: dict[str, int]
    wait: SumDocument
    run: SumDocument


@closed
class QueueDocument(TypedDict):
    """A queue; `queued` counts up to 10,000, and then there may be more."""

    name: str
    max_running: int | None
    paused: bool
    paused_at: Time | None
    running: int
    queued: int
    queued_is_more: bool
    oldest_due_seconds: float | None


@closed
class QueuesDocument(TypedDict):
    """All queues, by name."""

    items: list[QueueDocument]


@closed
class RunnerDocument(TypedDict):
    """A runner that is alive; `queues` are those that it takes jobs from, null for all."""

    name: str
    slots: int
    busy: int
    queues: list[str] | None
    started_at: Time


@closed
class OverviewDocument(TypedDict):
    """The figures of all jobs, by type, and who runs them."""

    types: dict[str, FiguresDocument]
    queues: list[QueueDocument]
    runners: list[RunnerDocument]
    slots: int
    busy: int


@closed
class MomentDocument(TypedDict):
    """What has been counted at a time, since the store was made."""

    at: Time
    submitted: int
    finished: int
    wait: SumDocument


@closed
class HistoryDocument(TypedDict):
    """The figures of all jobs at moments of the last hour; none while nothing happens."""

    moments: list[MomentDocument]


@closed
class FieldDocument(TypedDict):
    """What is wrong with a field."""

    field: str
    detail: str


@closed
class ProblemDocument(TypedDict):
    """Any error (RFC 9457). `job_id` is that of a submission in doubt."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[FieldDocument]]
    job_id: NotRequired[Id]
