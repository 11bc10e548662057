"""`/queues`: the queues, with their limits and pauses."""

import re
from collections.abc import Callable, Iterable

from server.api.openapi.operation import Operation
from server.auth.authenticate import require_queues
from server.auth.callers import Role
from server.documents.field_errors import read_document
from server.documents.queues import (
    QueueBody,
    QueueChanges,
    QueueDocument,
    QueuesDocument,
    queue_document,
    queues_document,
    require_new_name,
    settings_etag,
    with_counts,
)
from server.handlers.base import Handler
from server.http.body import MERGE_PATCH, Body, json_body
from server.http.codes import Code
from server.http.conditions import ALWAYS
from server.http.problems import Problem
from server.http.request_log import log_change
from server.store.threads import StoreThreads
from storage.jobs.queues import MAX_QUEUES, Queue, QueueCheck, QueueInUse, Queues, TooManyQueues
from storage.queries.caller_use import OwnCounts
from storage.records.queue_name import DEFAULT_QUEUE, is_queue_name

MAX_BODY_BYTES = 4096
_COUNTS_PART = re.compile(r'\.[^".]*"$')


class SeenQueuesHandler(Handler):
    """The base class of handlers of queues."""

    queues: Queues
    threads: StoreThreads
    count_own: Callable[[str], dict[str, OwnCounts]]
    LIMITED = True

    async def seen(self, queues: Iterable[Queue]) -> list[Queue]:
        """Return the queues that the caller may use. They count only jobs that it sees."""
        view = self.caller.view
        if view is None:
            return list(queues)
        found = [queue for queue in queues if view.sees_queue(queue.name)]
        if view.owner is None:
            return found
        counts = await self.threads.run(self.count_own, view.owner)
        return [with_counts(queue, counts.get(queue.name, OwnCounts())) for queue in found]


class QueuesHandler(SeenQueuesHandler):
    """All queues."""

    ROUTE = "/queues"

    @Operation("listQueues", "queues", {200: QueuesDocument})
    async def get(self) -> None:
        """All queues.

        Sorted by name.
        """
        queues = await self.threads.run(self.queues.all)
        self.send_json(queues_document(await self.seen(queues)))


class QueueHandler(SeenQueuesHandler):
    """One queue. Only admins may change its settings."""

    ROUTE = "/queues/{name}"
    CONDITIONAL = True
    _queue: Queue | None = None
    """The queue in the response."""

    async def body(self) -> Body:
        """Accept JSON with the settings. Raises Problem 413 or 415."""
        kinds = [MERGE_PATCH] if self.request.method == "PATCH" else []
        return json_body(self.request.headers, MAX_BODY_BYTES, *kinds)

    def options(self, *args: str) -> None:
        """Send the supported methods, and the media types of PATCH (RFC 5789)."""
        super().options(*args)
        self.set_header("Accept-Patch", f"application/json, {MERGE_PATCH}")

    def compute_etag(self) -> str | None:
        """Return the ETag of the response. A queue's ETag has two parts.

        The first part changes with the settings and the second one with the counts, too. A change
        compares only the first part: in a busy queue, the counts never stay equal for long.
        """
        settings, whole = settings_etag(self._queue), super().compute_etag()
        return f"{settings[:-1]}.{whole[1:]}" if settings and whole else whole

    @Operation("getQueue", "queues", {200: QueueDocument})
    async def get(self, name: str) -> None:
        """A queue.

        Its settings, and how many jobs it has.
        """
        await self._send_queue(name)

    @Operation(
        "putQueue",
        "queues",
        {200: QueueDocument, 201: QueueDocument},
        role=Role.ADMIN,
        body=QueueBody,
        problems=(409,),
        response_headers={201: ("Location",)},
    )
    async def put(self, name: str) -> None:
        """Create a queue, or replace all its settings.

        The status is 201 for a new queue. Fields that are not given get their defaults.
        """
        settings = read_document(QueueBody, self.json_document()).model_dump()
        put, actor = self.queues.put, self.caller.actor
        require_new_name(name)
        require_queues(self.caller, [name])
        try:
            is_new = await self.threads.run(put, name, self._check(), actor, **settings)
        except TooManyQueues:
            detail = f"there are already {MAX_QUEUES} queues; delete one first"
            raise Problem(Code.TOO_MANY_QUEUES, detail) from None
        log_change(self.caller.name, "put queue", queue=name, **settings)
        if is_new:
            self.set_header("Location", f"{self.root_path}/queues/{name}")
        await self._send_queue(name, status=201 if is_new else 200)

    @Operation("changeQueue", "queues", {200: QueueDocument}, role=Role.ADMIN, body=QueueChanges)
    async def patch(self, name: str) -> None:
        """Change the given settings of a queue.

        Fields that are not given keep their values.
        """
        body = read_document(QueueBody, self.json_document())
        changes = body.model_dump(exclude_unset=True)
        self._require_seen(name)
        check = self._check(only_existing=True)
        change = self.queues.change
        if not await self.threads.run(change, name, check, self.caller.actor, **changes):
            raise queue_not_found(name)
        log_change(self.caller.name, "change queue", queue=name, **changes)
        await self._send_queue(name)

    @Operation("deleteQueue", "queues", {204: None}, role=Role.ADMIN, problems=(409,))
    async def delete(self, name: str) -> None:
        """Delete a queue without queued or running jobs.

        Final jobs keep the name of a deleted queue.
        """
        self.require_body()
        self._require_seen(name)
        check = self._check(only_existing=True)
        try:
            deleted = await self.threads.run(self.queues.delete, name, check, self.caller.actor)
        except QueueInUse:
            raise _queue_in_use(name) from None
        if not deleted:
            raise queue_not_found(name)
        log_change(self.caller.name, "delete queue", queue=name)
        self.set_status(204)

    async def _send_queue(self, name: str, status: int = 200) -> None:
        self._require_seen(name)
        queue = await self.threads.run(self.queues.get, name)
        if queue is None:
            raise queue_not_found(name)
        (queue,) = await self.seen([queue])
        self._queue = queue
        self.send_json(queue_document(queue), status=status)

    def _require_seen(self, name: str) -> None:
        """Raise Problem 404 if no queue can have this name, since some databases reject such a
        text, or if the caller may not use it."""
        if not (is_queue_name(name) and self.caller.sees_queue(name)):
            raise queue_not_found(name)

    def _check(self, only_existing: bool = False) -> QueueCheck | None:
        """Return a check that raises Problem 412 if the conditions of the request do not hold.

        With `only_existing` the check accepts a missing queue, because the response is then 404.
        None for a request without conditions.
        """
        if self.conditions == ALWAYS:
            return None
        of_settings = self.conditions.with_tags(lambda tag: _COUNTS_PART.sub('"', tag))

        def check(queue: Queue | None) -> None:
            if queue or not only_existing:
                of_settings.require(settings_etag(queue))

        return check


def queue_not_found(name: str) -> Problem:
    """404: no queue has this name."""
    return Problem(
        Code.QUEUE_NOT_FOUND, f"there is no queue {name[:100]}; PUT /queues/NAME creates one"
    )


def _queue_in_use(name: str) -> Problem:
    if name == DEFAULT_QUEUE:
        detail = f"the queue {name} cannot be deleted: jobs that name no queue go there"
        return Problem(Code.QUEUE_REQUIRED, detail)
    return Problem(Code.QUEUE_IN_USE, f"the queue {name} has jobs that are queued or running")
