"""`/queues`: the queues, with their limits and pauses."""

from typing import ClassVar

from server.auth.callers import Role
from server.documents.field_errors import read_document
from server.documents.queues import QueueBody, queue_document, queues_document
from server.handlers.base import Handler
from server.http.access_log import log_change
from server.http.body import Body, JsonBody, NoBody, json_body
from server.http.codes import Code
from server.http.problems import FieldError, Problem, unacceptable
from storage.jobs.queues import MAX_QUEUES, QueueInUse, TooManyQueues
from storage.records.queue_name import DEFAULT_QUEUE, validate_queue_name

MAX_BODY_BYTES = 4096


class QueuesHandler(Handler):
    """All queues."""

    async def get(self) -> None:
        """Send all queues, sorted by name."""
        self.send_json(queues_document(await self.services.run_in_thread(self.services.queues.all)))

    head = get


class QueueHandler(Handler):
    """One queue. Only admins may change its settings."""

    ALLOW = "DELETE, GET, HEAD, OPTIONS, PUT"
    ROLES: ClassVar = {"PUT": Role.ADMIN, "DELETE": Role.ADMIN}

    def body(self) -> Body:
        """Accept JSON with the settings to change. Raises Problem 413 or 415."""
        if self.request.method != "PUT":
            return NoBody()
        return json_body(self.request.headers, MAX_BODY_BYTES)

    async def get(self, name: str) -> None:
        """Send the queue as it is now."""
        await self._send_queue(name)

    head = get

    async def put(self, name: str) -> None:
        """Create the queue, or change the given settings."""
        self.require_body()
        assert isinstance(self.received, JsonBody)
        changes = read_document(QueueBody, self.received.document()).model_dump(exclude_unset=True)
        try:
            validate_queue_name(name)
            is_new = await self.services.run_in_thread(self.services.queues.put, name, **changes)
        except ValueError as error:
            raise unacceptable([FieldError("name", str(error))]) from None
        except TooManyQueues:
            detail = f"there are already {MAX_QUEUES} queues; delete one first"
            raise Problem(Code.TOO_MANY_QUEUES, detail) from None
        log_change(self.caller.name, "put queue", queue=name, **changes)
        if is_new:
            self.set_header("Location", f"/queues/{name}")
        await self._send_queue(name, status=201 if is_new else 200)

    async def delete(self, name: str) -> None:
        """Delete the queue if none of its jobs is queued or running."""
        self.require_body()
        _require_name(name)
        try:
            deleted = await self.services.run_in_thread(self.services.queues.delete, name)
        except QueueInUse:
            raise _queue_in_use(name) from None
        if not deleted:
            raise queue_not_found(name)
        log_change(self.caller.name, "delete queue", queue=name)
        self.set_status(204)

    async def _send_queue(self, name: str, status: int = 200) -> None:
        _require_name(name)
        queue = await self.services.run_in_thread(self.services.queues.get, name)
        if queue is None:
            raise queue_not_found(name)
        self.send_json(queue_document(queue), status=status)


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


def _require_name(name: str) -> None:
    """Raise Problem 404 if no queue can have this name; some databases reject such a text."""
    try:
        validate_queue_name(name)
    except ValueError:
        raise queue_not_found(name) from None
