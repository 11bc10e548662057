"""`/failures`: the failed jobs, grouped by their errors."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from server.documents.failures import FailuresQuery, failures_document
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.store.threads import StoreThreads
from storage.queries.failures import Failures, Position
from storage.records.filters import Filters


class FailuresHandler(Handler):
    """Groups of failed jobs."""

    find_failures: Callable[[Filters, Position | None], Failures]
    threads: StoreThreads
    ROUTE = "/failures"
    LIMITED = True
    QUERIES: ClassVar = {"GET": (FailuresQuery,)}

    async def get(self) -> None:
        """Send the groups, the largest first, and how far back failures were looked at."""
        query = read_query(FailuresQuery, query_parameters(self, FailuresQuery.REPEATABLE))
        filters = replace(query.filters(), view=self.caller.view)
        found = await self.threads.run(self.find_failures, filters, query.start_after())
        self.send_json(failures_document(found, query.limit))

    head = get
