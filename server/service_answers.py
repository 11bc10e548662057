"""The documents that tell of the service itself, and errors; as those of `answers`."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from server.answers import Id, Time, closed


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
class RunnerDocument(TypedDict):
    """A runner that is alive."""

    name: str
    slots: int
    busy: int
    started_at: Time


@closed
class OverviewDocument(TypedDict):
    """The figures of all jobs, by type, and who runs them."""

    types: dict[str, FiguresDocument]
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
