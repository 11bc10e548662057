"""`/healthz` and `/openapi.json`: the liveness check and the API description."""

from collections.abc import Callable

from server.auth.callers import Role
from server.documents.schemas.service import HealthDocument
from server.handlers.base import Handler
from server.store.threads import StoreThreads
from storage.records.json_values import Json
from storage.records.release import RELEASE


class HealthHandler(Handler):
    """Whether this listener and its store respond."""

    query: Callable[[], object]
    threads: StoreThreads
    ROUTE = "/healthz"
    LIMITED = True
    ANY_QUERY = True
    RATE_LIMITED = False  # a health check would take a 429 for a dead listener

    def role(self) -> Role | None:
        """None: health checks run every few seconds and have no token."""
        return None

    async def get(self) -> None:
        """Send 200 after a query to the store; if the store fails, the response is 503."""
        await self.threads.run(self.query)
        healthy: HealthDocument = {"status": "ok", "version": RELEASE}
        self.send_json(healthy)

    head = get


class OpenApiHandler(Handler):
    """The OpenAPI description of the API."""

    document: Json
    ROUTE = "/openapi.json"
    LIMITED = True
    ANY_QUERY = True

    async def get(self) -> None:
        """Send the document for the job types that this listener knows."""
        self.send_json(self.document)

    head = get
