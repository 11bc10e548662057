"""Lists of jobs: page by page, or by their ids with an optional wait until all are final."""

from collections.abc import Callable

from server.documents.filters import ListQuery, SetQuery
from server.documents.jobs import next_link, page_document, set_document
from server.handlers.base import Handler
from server.handlers.query import query_parameters, query_wait_seconds, read_query, wait_seconds
from server.http.problems import FieldError, Problem
from server.jobs.jobs import Jobs


class ListHandler(Handler):
    """Reads many jobs."""

    jobs: Jobs

    async def get(self) -> None:
        """Send a page of jobs, newest first, or the jobs of `?id=…&id=…&wait=30`."""
        if "id" in self.request.query_arguments:
            await self._send_by_ids()
        else:
            await self._send_page()

    head = get

    async def _send_page(self) -> None:
        parameters = query_parameters(self)
        parameters.pop("wait", None)
        if "status" in parameters:
            parameters["status"] = ",".join(self.get_query_arguments("status"))
        seconds, errors = _read_wait(self, query_wait_seconds)
        if seconds:
            errors = [FieldError("wait", "it is only allowed together with id")]
        query = read_query(ListQuery, parameters, others=errors)
        page = await self.jobs.list(query.filters(), query.limit, query.start_after())
        if page.next:
            self.set_header("Link", next_link(query.page_parameters(parameters), page.next))
        self.send_json(page_document(page, query.limit))

    async def _send_by_ids(self) -> None:
        seconds, errors = _read_wait(self, wait_seconds)
        self.is_timed = not seconds
        names = self.request.query_arguments
        excluded = [name for name in names if name not in SetQuery.model_fields]
        errors += [FieldError(name, "it is not allowed together with id") for name in excluded]
        parameters = {"id": self.get_query_arguments("id"), "wait": seconds}
        query = read_query(SetQuery, parameters, others=errors)
        jobs = await self.jobs.wait_each(query.id, query.wait)
        if any(job and not job.final for job in jobs.values()):
            self.set_header("Retry-After", "1")
        self.send_json(set_document(jobs))


def _read_wait(
    handler: Handler, read: Callable[[Handler], float]
) -> tuple[float, list[FieldError]]:
    """The seconds to wait, and what is wrong with them."""
    try:
        return read(handler), []
    except Problem as problem:
        return 0.0, list(problem.errors)
