"""The query of `GET /scale`, and the document of its response."""

from typing import Annotated, ClassVar

from pydantic import Field

from server.documents.filters import Query, Text
from server.documents.schemas.scale import QueueScaleDocument, ScaleDocument
from storage.queries.scale import QueueScale, Scale

MAX_WITHIN = 3600
MAX_NAMES = 100


class ScaleQuery(Query):
    """The query parameters of the signal for autoscaling."""

    REPEATABLE: ClassVar = frozenset({"queue"})

    queue: Annotated[list[Text], Field(min_length=1, max_length=MAX_NAMES)] | None = Field(
        None, description="only this queue; repeat it for several"
    )
    within: float = Field(
        0.0,
        ge=0,
        le=MAX_WITHIN,
        allow_inf_nan=False,
        description="jobs and schedules that become due within so many seconds count as due",
    )


def scale_document(scale: Scale) -> ScaleDocument:
    """Build the document."""
    return {
        "slots_wanted": scale.slots_wanted,
        "slots": scale.slots,
        "busy": scale.busy,
        "parts": 0,
        "schedules": scale.schedules,
        "queues": [_queue_document(each) for each in scale.queues],
    }


def _queue_document(scale: QueueScale) -> QueueScaleDocument:
    return {
        "name": scale.queue.name,
        "slots_wanted": scale.slots_wanted,
        "running": scale.queue.running,
        "due": scale.due,
        "not_startable": scale.due - scale.startable,
    }
