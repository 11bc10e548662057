"""Queues as clients see and set them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from server.documents.jobs import time
from server.documents.service_schemas import QueueDocument, QueuesDocument
from storage.jobs.queues import Queue
from storage.records.queue_name import validate_queue_name

QueueName = Annotated[str, AfterValidator(validate_queue_name)]


class QueueBody(BaseModel):
    """The settings of a queue; what is not given stays as it is."""

    model_config = ConfigDict(strict=True, extra="forbid")

    max_running: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="most of its jobs that run at once, in all workers together; null: no limit",
    )
    paused: bool = Field(False, description="whether none of its jobs is started")


def queue_document(queue: Queue) -> QueueDocument:
    """A queue as it is now."""
    return {
        "name": queue.name,
        "max_running": queue.max_running,
        "paused": queue.paused,
        "paused_at": time(queue.paused_at),
        "running": queue.running,
        "queued": queue.queued,
        "queued_is_more": queue.is_queued_capped,
        "oldest_due_seconds": queue.oldest_due_seconds,
    }


def queues_document(queues: Sequence[Queue]) -> QueuesDocument:
    """All queues."""
    return {"items": [queue_document(queue) for queue in queues]}
