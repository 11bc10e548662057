"""`/scale`: how many slots could be used now, for autoscaling."""

from collections.abc import Callable
from dataclasses import replace

from server.documents.queues import unknown_queue
from server.documents.scale import ScaleQuery, scale_document
from server.documents.schemas.scale import ScaleDocument
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.http.problems import unacceptable
from server.openapi.operation import Operation
from server.store.threads import StoreThreads
from storage.queries.scale import Scale


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
