"""The JSON documents of events and callbacks as types; see `server.documents.schemas`."""

from typing import Literal

from typing_extensions import TypedDict

from server.documents.schemas.common import Error, Id, Time
from server.documents.schemas.file_schemas import LogEntryDocument
from storage.records.json_values import Json, JsonValue
from storage.records.states import Status


class EventDocument(TypedDict):
    """The state of a job at the moment of a change."""

    job_id: Id
    """Id of the job."""
    type: str
    """Name of the job type."""
    queue: str
    """Name of the queue of the job."""
    tags: list[str]
    """The tags of the job."""
    status: Status
    """Status of the job after the change."""
    attempt: int
    """Number of the newest attempt; 0 before the first."""
    runner: str | None
    """Name of the runner that held that attempt; null before the first."""
    progress: Json | None
    """The newest progress report; null unless the change is the newest one of the job."""
    error: Error | None
    """Why the attempt failed; null unless the change is the newest one of the job."""
    created_at: Time
    """When the job was accepted."""
    run_at: Time
    """The job does not start before this time."""
    started_at: Time | None
    """When the newest attempt began; null before the first."""
    finished_at: Time | None
    """When the job became final; null before."""
    cancel_requested_at: Time | None
    """When a client asked to cancel the job; null otherwise."""
    version: int
    """Number of the change, which is also the id of the event."""


class DeadlineDocument(EventDocument):
    """The state of a job that has missed its deadline."""

    finish_by: Time | None
    """The deadline; null after a retry by a client, which removes it."""


class OutputDocument(TypedDict):
    """A piece of an attempt's output, in an event."""

    job_id: Id
    """Id of the job."""
    attempt: int
    """Number of the attempt."""
    position: int
    """Offset of the piece's first byte in the output of the attempt."""
    text: str
    """The output; bytes that are not UTF-8 are replacement characters."""
    entries: list[LogEntryDocument]
    """The lines and log entries in it."""


class ResultDocument(TypedDict):
    """What a job has left to those who are told of its end."""

    metadata: Json | None
    """The JSON object that was submitted with the job; null without one."""
    result: JsonValue
    """The value that the job type returned; null without success, and if it is left out."""
    result_left_out: bool
    """Whether the result is left out because its JSON has more than 65,536 bytes: get the job."""


class EndDocument(ResultDocument):
    """The end of a job's stream of events."""

    job_id: Id
    """Id of the job."""
    status: Status | None
    """Final status of the job; null if it was deleted."""


class EndedDocument(EventDocument, ResultDocument):
    """A job that has ended."""


class ChangeEvent(TypedDict):
    """A server-sent event: a job has changed its status or reported progress."""

    event: Literal["status", "progress"]
    """Name of the event."""
    id: str
    """Number of the change; send it as Last-Event-ID to continue after it."""
    data: EventDocument
    """The job, as JSON."""


class DeadlineEvent(TypedDict):
    """A server-sent event: a job was not final by its deadline."""

    event: Literal["deadline"]
    """Name of the event."""
    id: str
    """Number of the change; send it as Last-Event-ID to continue after it."""
    data: DeadlineDocument
    """The job, as JSON."""


class LogEvent(TypedDict):
    """A server-sent event: a job has printed something."""

    event: Literal["log"]
    """Name of the event."""
    id: str
    """Number of the change; send it as Last-Event-ID to continue after it."""
    data: OutputDocument
    """The output, as JSON."""


class EndEvent(TypedDict):
    """A server-sent event: the stream ends, because the job is final or deleted."""

    event: Literal["end"]
    """Name of the event."""
    data: EndDocument
    """The end, as JSON."""


class CallbackDocument(TypedDict):
    """The body of a callback (Standard Webhooks)."""

    type: Literal["job.succeeded", "job.failed", "job.canceled"]
    """How the job ended."""
    timestamp: Time
    """When the job ended."""
    data: EndedDocument
    """The job."""
