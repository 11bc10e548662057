"""`/healthz` and `/openapi.json`: the liveness check and the API description."""

from collections.abc import Callable
from typing import Any

from server.documents.schemas.service import HealthDocument
from server.handlers.base import Handler
from server.openapi.operation import Operation
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

    @Operation("checkHealth", "service", {200: HealthDocument}, role=None)
    async def get(self) -> None:
        """Check that the listener and its store respond.

        For liveness probes. The status is 503 if the store does not respond.
        """
        await self.threads.run(self.query)
        healthy: HealthDocument = {"status": "ok", "version": RELEASE}
        self.send_json(healthy)


class OpenApiHandler(Handler):
    """The OpenAPI description of the API."""

    document: Json
    ROUTE = "/openapi.json"
    LIMITED = True
    ANY_QUERY = True

    @Operation("getOpenapi", "service", {200: dict[str, Any]})
    async def get(self) -> None:
        """This document.

        The description of the API, with the job types of this service.
        """
        self.send_json(self.document)
