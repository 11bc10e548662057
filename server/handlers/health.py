"""`/healthz` and `/openapi.json`: the liveness check and the API description."""

from uuid import UUID

from server.auth.callers import Role
from server.documents.schemas import HealthDocument
from server.handlers.base import Handler


class HealthHandler(Handler):
    """Whether this listener and its store respond."""

    ROUTE = "/healthz"
    ANY_QUERY = True
    RATE_LIMITED = False  # a health check would take a 429 for a dead listener

    def role(self) -> Role | None:
        """None: health checks run every few seconds and have no token."""
        return None

    async def get(self) -> None:
        """Send 200 after a query to the store; if the store fails, the response is 503."""
        await self.services.run_in_thread(self.services.jobs.get, UUID(int=0))
        healthy: HealthDocument = {"status": "ok"}
        self.send_json(healthy)

    head = get


class OpenApiHandler(Handler):
    """The OpenAPI description of the API."""

    ROUTE = "/openapi.json"
    ANY_QUERY = True

    async def get(self) -> None:
        """Send the document for the job types that this listener knows."""
        self.send_json(self.services.openapi)

    head = get
