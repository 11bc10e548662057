"""`/failures`: the failed jobs, grouped by their errors."""

from collections.abc import Callable
from dataclasses import replace

from server.documents.failures import FailuresQuery, failures_document
from server.documents.schemas.failures import FailuresDocument
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.openapi.operation import Operation
from server.store.threads import StoreThreads
from storage.queries.failures import Failures, Position
from storage.records.filters import Filters


class FailuresHandler(Handler):
    """Groups of failed jobs."""

    find_failures: Callable[[Filters, Position | None], Failures]
    threads: StoreThreads
    ROUTE = "/failures"
    LIMITED = True

    @Operation("listFailures", "jobs", {200: FailuresDocument}, queries=(FailuresQuery,))
    async def get(self) -> None:
        """Failed jobs, grouped by their errors.

        Jobs of one type are in a group if their errors have the same type and, without numbers and
        ids, the same message. The largest groups come first. The latest failures are looked at, for
        about half a second; `next` continues with earlier ones. The filter `failure` of listJobs
        and retryJobs selects the jobs of a group.
        """
        query = read_query(FailuresQuery, query_parameters(self, FailuresQuery.REPEATABLE))
        filters = replace(query.filters(), view=self.caller.view)
        found = await self.threads.run(self.find_failures, filters, query.start_after())
        self.send_json(failures_document(found, query.limit))
