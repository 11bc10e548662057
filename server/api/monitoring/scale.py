"""`/scale`: how many slots could be used now, for autoscaling."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field
from typing_extensions import TypedDict

from server.api.openapi.operation import Operation
from server.documents.filters import Query, Text
from server.documents.queues import unknown_queue
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.http.problems import unacceptable
from server.store.threads import StoreThreads
from storage.queries.scale import QueueScale, Scale


class QueueScaleDocument(TypedDict):
    """The jobs of a queue, in slots."""

    name: str
    """Name of the queue."""
    slots_wanted: int
    """Number of slots that its jobs could use: `running` + `due` - `not_startable`."""
    running: int
    """Number of running jobs."""
    due: int
    """Number of queued jobs whose time has come, up to 1,000."""
    not_startable: int
    """Number of due jobs that no further slot would start, because the queue is paused or its
    limit leaves no room."""


class ScaleDocument(TypedDict):
    """How many slots could be used now. A worker has CONCURRENCY_LIMIT slots."""

    slots_wanted: int
    """Number of slots that could be used now: the sum of the queues and `schedules`."""
    slots: int
    """Number of slots of the living workers."""
    busy: int
    """Number of these slots that have a job."""
    parts: int
    """Always 0: jobs are not split any more. The field stays for clients of earlier releases."""
    schedules: int
    """Number of schedules that wait for a worker to fire them."""
    queues: list[QueueScaleDocument]
    """The queues, sorted by name."""


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


class ScaleHandler(Handler):
    """The signal for autoscaling."""

    read_scale: Callable[..., Scale]
    threads: StoreThreads
    ROUTE = "/scale"

    @Operation("getScale", "service", {200: ScaleDocument}, queries=(ScaleQuery,))
    async def get(self) -> None:
        """How many slots could be used now.

        For autoscaling: `slots_wanted` counts running jobs, and due jobs that may start. Jobs of
        paused queues, above the limits of queues and of concurrency keys do not count. Divide it by
        the slots of a worker.
        """
        query = read_query(ScaleQuery, query_parameters(self, ScaleQuery.REPEATABLE))
        names = None if query.queue is None else frozenset(query.queue)
        scale = await self.threads.run(self.read_scale, names, round(query.within * 1000))
        missing = sorted((names or set()) - {each.queue.name for each in scale.queues})
        if missing:
            raise unacceptable([replace(unknown_queue(each), field="queue") for each in missing])
        self.send_json(scale_document(scale))
