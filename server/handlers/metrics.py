"""`/metrics`, `/overview`, `/overview/history` and `/readyz`: for monitoring."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from runner.job_types.base import AnyJobType
from server.documents.metrics import ListenerMetrics, exposition
from server.documents.overview import history_document, overview_document, ready_document
from server.documents.schemas.overview import HistoryDocument, OverviewDocument
from server.documents.schemas.service import ReadyDocument
from server.handlers.base import Handler
from server.http.codes import Code
from server.http.problems import Problem, unavailable
from server.jobs.admission import DiskWatermark
from server.openapi.operation import Operation
from server.store.threads import Batcher, StoreThreads
from storage.liveness.runners import RegisteredRunner
from storage.queries.scale import Scale
from storage.queries.stats import Stats
from storage.records.job import StoreError, StoreUnusable

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


class OverviewHandler(Handler):
    """The statistics of all jobs, as JSON."""

    stats: Batcher[None, Stats]
    job_types: Mapping[str, AnyJobType]
    ROUTE = "/overview"

    @Operation("getOverview", "service", {200: OverviewDocument})
    async def get(self) -> None:
        """Figures about all jobs as JSON.

        A summary of the metrics: by job type, by queue, and of all living runners.
        """
        stats = await self.stats.call(None)
        self.send_json(overview_document(stats, self.job_types))


class HistoryHandler(Handler):
    """The statistics of the last hour, as JSON."""

    last_hour: Callable[[], list[dict[str, int]]]
    threads: StoreThreads
    ROUTE = "/overview/history"

    @Operation("getHistory", "service", {200: HistoryDocument})
    async def get(self) -> None:
        """Figures of the last hour.

        Counters once a minute; two of them give a rate. Nothing is recorded while nothing happens.
        """
        self.send_json(history_document(await self.threads.run(self.last_hour)))


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
