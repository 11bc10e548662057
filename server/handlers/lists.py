"""Many jobs at once: a list, page by page, or some by their ids, once all of them are final."""

import asyncio
from uuid import UUID

from server.documents import jobs as wire
from server.documents.filters import ListQuery, SetQuery
from server.handlers.base import Handler
from server.handlers.query import given_in, read_query
from server.handlers.waiting import wait_seconds
from server.http.problems import FieldError, unacceptable
from server.jobs.wait import found_after
from storage.records.job import Job


class ListHandler(Handler):
    """Reads jobs."""

    async def get(self) -> None:
        """List jobs, newest first, or find some by their ids: `?id=…&id=…`, with `&wait=30`."""
        if "id" in self.request.query_arguments:
            return await self._some()
        if "wait" in self.request.query_arguments:
            raise unacceptable([FieldError("wait", "it goes with id")])
        await self._page()

    head = get

    async def _page(self) -> None:
        given = given_in(self)
        # Given many times, they are like one with commas; of other names the last one counts.
        if "status" in given:
            given["status"] = ",".join(self.get_query_arguments("status"))
        query = read_query(ListQuery, given)
        page = await self.services.blocking(
            self.services.jobs.list, query.filters(), query.limit, query.before()
        )
        if page.next:
            self.set_header("Link", wire.next_link(query.given(given), page.next))
        self.answer(wire.page_document(page, query.limit))

    async def _some(self) -> None:
        given, seconds = given_in(self), wait_seconds(self)
        ids = self.get_query_arguments("id")
        query = read_query(SetQuery, {**given, "id": ids, "wait": seconds})
        jobs = await self._jobs_after(query.id, query.wait)
        if any(job and not job.final for job in jobs.values()):
            self.set_header("Retry-After", "1")
        self.answer(wire.set_document(jobs))

    async def _jobs_after(self, ids: list[UUID], seconds: float) -> dict[UUID, Job | None]:
        """The jobs, once all are final or the time is over; None for one that is not there."""
        found: dict[UUID, Job | None] = {}
        left = ids

        async def look() -> list[UUID]:
            nonlocal left
            asked = await asyncio.gather(*map(self.services.jobs_by_id.ask, left))
            found.update(zip(left, asked, strict=True))
            left = [job.id for job in asked if job and not job.final]
            return left

        await found_after(self.services, seconds, look, lambda left: not left)
        return {job_id: found[job_id] for job_id in ids}
