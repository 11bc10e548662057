"""`/queues`: what queues there are, and their limits and pauses."""

from typing import Any, ClassVar

from pydantic import ValidationError

from server.auth.callers import Role
from server.documents.queues import QueueBody, queue_document, queues_document
from server.documents.submission import field_errors
from server.handlers.base import Handler
from server.http.access_log import log_change
from server.http.body import Body, JsonBody, NoBody, json_body
from server.http.problems import FieldError, Problem, unacceptable
from storage.jobs.queues import MAX_QUEUES, QueueInUse, TooManyQueues
from storage.records.queue_name import DEFAULT_QUEUE, validate_queue_name

MAX_BODY_BYTES = 4096


class QueuesHandler(Handler):
    """All queues."""

    async def get(self) -> None:
        """By name."""
        self.answer(queues_document(await self.services.blocking(self.services.queues.all)))

    head = get


class QueueHandler(Handler):
    """One queue. Its settings are the affair of admins."""

    ALLOW = "DELETE, GET, HEAD, OPTIONS, PUT"
    ROLES: ClassVar = {"PUT": Role.ADMIN, "DELETE": Role.ADMIN}

    def body(self) -> Body:
        """JSON with what is to be changed. Raises Problem 413 or 415."""
        if self.request.method != "PUT":
            return NoBody()
        return json_body(self.request.headers, MAX_BODY_BYTES)

    async def get(self, name: str) -> None:
        """As it is now."""
        await self._answer(name)

    head = get

    async def put(self, name: str) -> None:
        """Make it, or change what is given."""
        self.take_body()
        assert isinstance(self.received, JsonBody)
        changes = _read(self.received.document())
        try:
            validate_queue_name(name)
            is_new = await self.services.blocking(self.services.queues.put, name, **changes)
        except ValueError as error:
            raise unacceptable([FieldError("name", str(error))]) from None
        except TooManyQueues:
            raise Problem(409, f"there are {MAX_QUEUES} queues already; delete one") from None
        log_change(self.caller.name, "put queue", queue=name, **changes)
        if is_new:
            self.set_header("Location", f"/queues/{name}")
        await self._answer(name, status=201 if is_new else 200)

    async def delete(self, name: str) -> None:
        """Delete it, if it has no jobs that wait or run."""
        self.take_body()
        _require_name(name)
        try:
            deleted = await self.services.blocking(self.services.queues.delete, name)
        except QueueInUse:
            detail = f"the queue {name} has jobs that wait or run"
            if name == DEFAULT_QUEUE:
                detail = f"the queue {name} is for jobs that name none"
            raise Problem(409, detail) from None
        if not deleted:
            raise unknown_queue(name)
        log_change(self.caller.name, "delete queue", queue=name)
        self.set_status(204)

    async def _answer(self, name: str, status: int = 200) -> None:
        _require_name(name)
        queue = await self.services.blocking(self.services.queues.get, name)
        if queue is None:
            raise unknown_queue(name)
        self.answer(queue_document(queue), status=status)


def unknown_queue(name: str) -> Problem:
    """404: there is no such queue."""
    return Problem(404, f"there is no queue {name[:100]}; PUT /queues/NAME makes one")


def _require_name(name: str) -> None:
    """Raise Problem 404 for what no queue can be called; not every database takes any text."""
    try:
        validate_queue_name(name)
    except ValueError:
        raise unknown_queue(name) from None


def _read(document: object) -> dict[str, Any]:
    """What is to be changed. Raises Problem 422."""
    try:
        return QueueBody.model_validate(document).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise unacceptable(field_errors(error)) from None
