"""`/jobs/cancel` and `/jobs/retry`: changes of all jobs that filters choose."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar
from uuid import UUID

from pydantic import ValidationError

from server.auth.callers import Role
from server.documents import jobs as wire
from server.documents.filters import BulkBody
from server.documents.submission import field_errors
from server.handlers.base import Handler
from server.http.access_log import log_change
from server.http.body import Body, JsonBody, NoBody, json_body
from server.http.problems import unacceptable
from storage.queries.bulk import BulkChange
from storage.records.filters import Filters

Change = Callable[[Filters, UUID | None, bool], BulkChange]


class BulkHandler(Handler):
    """A change of many jobs, whoever has submitted them."""

    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.ADMIN}
    action: str
    QUEUES = False
    """Whether the jobs that are changed wait again."""

    def body(self) -> Body:
        """JSON. Raises Problem 413 or 415."""
        if self.request.method != "POST":
            return NoBody()
        return json_body(self.request.headers, self.services.settings.max_json_bytes)

    async def change(self, change: Change) -> None:
        """Change the next jobs that are meant; answered with how many, and where to go on."""
        self.take_body()
        assert isinstance(self.received, JsonBody)
        asked = _read(self.received.document())
        queues = self.QUEUES and not asked.dry_run
        if queues:
            self.services.queue.admit()
        done = await self.services.blocking(change, asked.filters(), asked.before(), asked.dry_run)
        if not asked.dry_run:
            log_change(self.caller.name, f"{self.action} many", jobs=done.changed)
        if queues:
            self.services.queue.note(done.changed)
        self.answer(wire.bulk_document(done, asked.dry_run))


class BulkCancelHandler(BulkHandler):
    """Cancels of many jobs."""

    action = "cancel"

    async def post(self) -> None:
        """Cancel what is queued, and ask for the cancel of what runs; not waited for."""
        await self.change(partial(self.services.bulk.cancel, by=self.caller.name))


class BulkRetryHandler(BulkHandler):
    """Retries of many jobs."""

    action = "retry"
    QUEUES = True

    async def post(self) -> None:
        """Queue what failed or was canceled again."""
        await self.change(self.services.bulk.retry)


def _read(document: object) -> BulkBody:
    try:
        return BulkBody.model_validate(document)
    except ValidationError as error:
        raise unacceptable(field_errors(error)) from None
