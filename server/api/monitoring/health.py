"""`/healthz`, `/readyz`, `/metrics` and `/openapi.json`: the state of a listener, and its API."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from typing_extensions import TypedDict

from runner.job_types.base import AnyJobType
from server.api.monitoring.metrics import ListenerMetrics, exposition
from server.api.monitoring.overview import round_age
from server.api.openapi.operation import Operation
from server.handlers.base import Handler
from server.http.codes import Code
from server.http.problems import Problem, unavailable
from server.jobs.admission import DiskWatermark
from server.store.threads import Batcher, StoreThreads
from storage.liveness.runners import RegisteredRunner
from storage.queries.scale import Scale
from storage.queries.stats import Stats
from storage.records.job import StoreError, StoreUnusable
from storage.records.json_values import Json
from storage.records.release import RELEASE


class HealthDocument(TypedDict):
    """The listener and its store respond."""

    status: Literal["ok"]
    """Always ok."""
    version: str
    """The release of the listener, such as 0.1.0."""


class StaleRunnerDocument(TypedDict):
    """A runner that hangs or is stopped."""

    name: str
    """Name of the runner."""
    heartbeat_age: float | None
    """Seconds since its last heartbeat; null if it is unknown."""


class ReadyDocument(TypedDict):
    """New jobs can be accepted."""

    status: Literal["ready"]
    """Always ready."""
    runners: int
    """Number of living runners that can start jobs."""
    stale_runners: list[StaleRunnerDocument]
    """Runners that hang or are stopped."""


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


STORE_SECONDS = 5.0
"""How long the store may take. Prometheus waits for 10 s by default."""


class MetricsHandler(Handler):
    """The statistics of all jobs and of this listener, for Prometheus."""

    threads: StoreThreads
    oldest_transaction: Callable[[], float | None]
    stats: Batcher[None, Stats]
    job_types: Mapping[str, AnyJobType]
    listener: Callable[[], ListenerMetrics]
    read_scale: Callable[[], Scale]

    ROUTE = "/metrics"
    ANY_QUERY = True

    @Operation("getMetrics", "service", {200: "text/plain"})
    async def get(self) -> None:
        """Metrics for Prometheus.

        Statistics of all jobs, and of this listener.
        """
        stats, oldest, scale = None, None, None
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(STORE_SECONDS):
                oldest = await self.threads.run(self.oldest_transaction)
                scale = await self.threads.run(self.read_scale)
                stats = await self.stats.call(None)
        accept = self.request.headers.get("Accept", "")
        about = stats, self.job_types, accept, self.listener(), oldest, scale
        text, content_type = exposition(*about)
        self.send_content(text, content_type)


class ReadyHandler(Handler):
    """Whether new jobs can be accepted, and how many runners are alive."""

    require_ready: Callable[[], None]
    runners: Callable[[], Sequence[RegisteredRunner]]
    threads: StoreThreads
    disk_watermark: DiskWatermark
    ROUTE = "/readyz"
    LIMITED = True
    ANY_QUERY = True
    RATE_LIMITED = False  # a health check would take a 429 for a dead listener

    @Operation("checkReadiness", "service", {200: ReadyDocument})
    async def get(self) -> None:
        """Check that new jobs can be accepted.

        For load balancers. The status is 503 if new jobs would be refused.
        """
        try:
            await self.threads.run(self.require_ready)
        except StoreUnusable as error:
            raise unavailable(f"the store cannot be used: {error}", Code.NOT_READY) from error
        try:
            self.disk_watermark.admit_upload(0)
        except Problem as problem:
            raise unavailable(problem.detail, Code.NOT_READY) from problem
        self.send_json(ready_document(await self.threads.run(self.runners)))


def ready_document(runners: Sequence[RegisteredRunner]) -> ReadyDocument:
    """Build the document of a listener that accepts jobs."""
    stale = [runner for runner in runners if runner.is_stale]
    return {
        "status": "ready",
        "runners": len(runners) - len(stale),
        "stale_runners": [
            {"name": runner.name, "heartbeat_age": round_age(runner)} for runner in stale
        ],
    }
