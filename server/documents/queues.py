"""The documents of queues, as clients read and change them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from server.documents.job_documents import rfc3339
from server.documents.schemas.common import Time
from server.http.problems import FieldError, unacceptable
from server.http.response import encode_json, etag_of
from storage.jobs.queues import COUNT_LIMIT, Queue
from storage.queries.caller_use import OwnCounts
from storage.records.queue_name import validate_queue_name


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


MaxRunning = Annotated[
    int | None,
    Field(
        ge=1,
        le=100_000,
        description="how many of its jobs may run at once, in all workers together; null means no"
        " limit",
    ),
]
Paused = Annotated[bool, Field(description="true keeps its jobs from being started")]
UNKNOWN_QUEUE = FieldError(
    "queue",
    "there is no such queue; GET /queues lists them, PUT /queues/NAME creates one",
    "unknown",
)
"""The error of a submission to a queue that does not exist."""


def unknown_queue(name: str) -> FieldError:
    """Return the error of a job in a queue that does not exist, with its name: the queue may be the
    default of the job type."""
    detail = f"there is no such queue, {name}; GET /queues lists them, PUT /queues/{name} makes one"
    return replace(UNKNOWN_QUEUE, detail=detail)


_STRICT = ConfigDict(strict=True, extra="forbid")


def require_new_name(name: str) -> None:
    """Raise Problem 422 unless a new queue, or a new pattern set, may have this name."""
    try:
        validate_queue_name(name)
    except ValueError as error:
        raise unacceptable([FieldError("name", str(error))]) from None


class QueueBody(BaseModel):
    """All settings of a queue, for PUT. A field that is not given gets its default."""

    model_config = _STRICT

    max_running: MaxRunning = None
    paused: Paused = False


@with_config(_STRICT)
class QueueChanges(TypedDict, total=False):
    """Settings of a queue to change, for PATCH. A field that is not given keeps its value."""

    max_running: MaxRunning
    paused: Paused


def settings_etag(queue: Queue | None) -> str | None:
    """Return a tag of a queue's settings, without its counts; None for no queue."""
    return None if queue is None else etag_of(encode_json([queue.max_running, queue.paused_at]))


def with_counts(queue: Queue, counts: OwnCounts) -> Queue:
    """Return a queue with the numbers of jobs that one caller has in it."""
    queued = min(counts.queued, COUNT_LIMIT)
    return replace(queue, running=counts.running, queued=queued, oldest_due_seconds=None)


def queue_document(queue: Queue) -> QueueDocument:
    """Build the document of a queue."""
    return {
        "name": queue.name,
        "max_running": queue.max_running,
        "paused": queue.paused,
        "paused_at": rfc3339(queue.paused_at),
        "running": queue.running,
        "queued": queue.queued,
        "queued_is_more": queue.is_queued_capped,
        "oldest_due_seconds": queue.oldest_due_seconds,
    }


def queues_document(queues: Sequence[Queue]) -> QueuesDocument:
    """Build the document of all queues."""
    return {"items": [queue_document(queue) for queue in queues]}
