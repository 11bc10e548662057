"""The documents of queues, as clients read and change them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from server.documents.jobs import rfc3339
from server.documents.schemas import QueueDocument, QueuesDocument
from storage.jobs.queues import Queue
from storage.records.queue_name import validate_queue_name

QueueName = Annotated[str, AfterValidator(validate_queue_name)]


class QueueBody(BaseModel):
    """The settings of a queue. A field that is not given keeps its value."""

    model_config = ConfigDict(strict=True, extra="forbid")

    max_running: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="how many of its jobs may run at once, in all workers together; null means no"
        " limit",
    )
    paused: bool = Field(False, description="true keeps its jobs from being started")


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
