"""`/jobs/cancel` and `/jobs/retry`: change all jobs that match filters."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar
from uuid import UUID

from server.api.openapi.operation import Operation
from server.auth.callers import Role
from server.documents.field_errors import read_document
from server.documents.filters import BulkBody, RetryBody
from server.documents.job_documents import bulk_document
from server.documents.schemas.job_schemas import BulkDocument
from server.handlers.base import Handler
from server.http.body import Body, json_body
from server.http.request_log import log_change
from server.jobs.admission import QueueWatermark
from server.jobs.quotas.quotas import JobQuotas
from server.store.threads import StoreThreads
from storage.queries.bulk import Bulk, BulkChange
from storage.records.filters import Filters

MAX_BODY_BYTES = 16 * 1024
Change = Callable[[Filters, UUID | None, bool], BulkChange]


class BulkHandler(Handler):
    """Changes many jobs, regardless of who submitted them."""

    LIMITED = True
    bulk: Bulk
    queue_watermark: QueueWatermark
    quotas: JobQuotas
    threads: StoreThreads
    action: ClassVar[str]
    REQUEUES = False
    """Whether the changed jobs are queued again, so that the queue watermark applies."""

    async def body(self) -> Body:
        """Accept JSON. Raises Problem 413 or 415."""
        return json_body(self.request.headers, MAX_BODY_BYTES)

    async def change(self, query: BulkBody, change: Change) -> None:
        """Change the next batch of matching jobs; sends how many, and a cursor to continue."""
        filters = replace(query.filters(), view=self.caller.view)
        start_after, dry_run = query.start_after(), query.dry_run
        requeues = self.REQUEUES and not dry_run
        if requeues:
            await self.quotas.require_room(self.caller)
            await self.queue_watermark.admit(self.caller)
        done = await self.threads.run(change, filters, start_after, dry_run)
        if not dry_run:
            log_change(self.caller.name, f"{self.action} many", jobs=done.changed)
        if requeues:
            self.queue_watermark.add(self.caller, done.changed)
            self.quotas.forget(self.caller)
        self.send_json(bulk_document(done, dry_run))


class BulkCancelHandler(BulkHandler):
    """Cancels many jobs."""

    ROUTE = "/jobs/cancel"
    action = "cancel"

    @Operation("cancelJobs", "jobs", {200: BulkDocument}, role=Role.ADMIN, body=BulkBody)
    async def post(self) -> None:
        """Cancel all jobs that match filters.

        One call changes up to 1,000 jobs. Repeat it with `next` as `cursor`.
        """
        query = read_document(BulkBody, self.json_document())
        cancel = partial(self.bulk.cancel, by=self.caller.name, actor=self.caller.actor)
        await self.change(query, cancel)


class BulkRetryHandler(BulkHandler):
    """Retries many jobs."""

    ROUTE = "/jobs/retry"
    action = "retry"
    REQUEUES = True

    @Operation("retryJobs", "jobs", {200: BulkDocument}, role=Role.ADMIN, body=RetryBody)
    async def post(self) -> None:
        """Retry all jobs that match filters.

        One call changes up to 1,000 jobs, and with `downstream` those that were canceled because of
        them. Repeat it with `next` as `cursor`.
        """
        query = read_document(RetryBody, self.json_document())
        retry = partial(self.bulk.retry, actor=self.caller.actor, downstream=query.downstream)
        await self.change(query, retry)
