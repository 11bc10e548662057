"""`/scale`: how many slots could be used now, for autoscaling."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from server.documents.queues import unknown_queue
from server.documents.scale import ScaleQuery, scale_document
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.http.problems import unacceptable
from server.store.threads import StoreThreads
from storage.queries.scale import Scale


class ScaleHandler(Handler):
    """The signal for autoscaling."""

    read_scale: Callable[..., Scale]
    threads: StoreThreads
    ROUTE = "/scale"
    QUERIES: ClassVar = {"GET": (ScaleQuery,)}

    async def get(self) -> None:
        """Send how many slots could be used now. Raises Problem 422 for an unknown queue."""
        query = read_query(ScaleQuery, query_parameters(self, ScaleQuery.REPEATABLE))
        names = None if query.queue is None else frozenset(query.queue)
        scale = await self.threads.run(self.read_scale, names, round(query.within * 1000))
        missing = sorted((names or set()) - {each.queue.name for each in scale.queues})
        if missing:
            raise unacceptable([replace(unknown_queue(each), field="queue") for each in missing])
        self.send_json(scale_document(scale))

    head = get
