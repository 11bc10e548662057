"""`/healthz` and `/openapi.json`: is the listener alive, and what it can be asked."""

from uuid import UUID

from server.auth.callers import Role
from server.documents.service_schemas import HealthDocument
from server.handlers.base import Handler


class HealthHandler(Handler):
    """Whether this listener answers, and whether its store does."""

    LIMITED = False  # what asks would take it for dead

    def role(self) -> Role | None:
        """None: those who ask by the second have no token."""
        return None

    async def get(self) -> None:
        """200 once the store has answered; a store that cannot is a 503."""
        await self.services.blocking(self.services.jobs.get, UUID(int=0))
        healthy: HealthDocument = {"status": "ok"}
        self.answer(healthy)

    head = get


class OpenApiHandler(Handler):
    """The API, for programs that read OpenAPI."""

    async def get(self) -> None:
        """The document, for the job types that this listener knows."""
        self.answer(self.services.openapi)

    head = get
