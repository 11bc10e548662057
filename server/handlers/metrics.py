"""`/metrics`, `/overview`, `/overview/history` and `/readyz`: for monitoring."""

from server.documents.metrics import ListenerMetrics, exposition
from server.documents.overview import history_document, overview_document, ready_document
from server.handlers.base import Handler
from server.http.codes import Code
from server.http.problems import Problem, unavailable
from storage.liveness.runners import registered_runners
from storage.queries.health import oldest_transaction_seconds, require_ready
from storage.queries.history import last_hour
from storage.records.job import StoreUnusable
from storage.telemetry.logs import instance


class MetricsHandler(Handler):
    """The statistics of all jobs and of this listener, for Prometheus."""

    ROUTE = "/metrics"
    ANY_QUERY = True

    async def get(self) -> None:
        """Send the text format of Prometheus, or OpenMetrics if the Accept header asks for it."""
        stats = await self.services.stats_batcher.call(None)
        oldest = await self.services.run_in_thread(
            oldest_transaction_seconds, self.services.store.database
        )
        accept, types = self.request.headers.get("Accept", ""), self.services.job_types
        text, content_type = exposition(stats, types, accept, self._listener(), oldest)
        self.set_header("Content-Type", content_type)
        self.finish(text)

    head = get

    def _listener(self) -> ListenerMetrics:
        return ListenerMetrics(
            instance(),
            self.services.request_metrics,
            self.services.traffic(),
            self.services.event_feed.streams,
            self.services.callback_counts,
            self.services.disk_watermark.free_bytes(),
        )


class OverviewHandler(Handler):
    """The statistics of all jobs, as JSON."""

    ROUTE = "/overview"

    async def get(self) -> None:
        """Send the current stats."""
        stats = await self.services.stats_batcher.call(None)
        self.send_json(overview_document(stats, self.services.job_types))

    head = get


class HistoryHandler(Handler):
    """The statistics of the last hour, as JSON."""

    ROUTE = "/overview/history"

    async def get(self) -> None:
        """Send the counters at moments of the last hour."""
        moments = await self.services.run_in_thread(self._last_hour)
        self.send_json(history_document(moments))

    def _last_hour(self) -> list[dict[str, int]]:
        store = self.services.store
        return last_hour(store.database, store.clock())

    head = get


class ReadyHandler(Handler):
    """Whether new jobs can be accepted, and how many runners are alive."""

    ROUTE = "/readyz"
    ANY_QUERY = True
    RATE_LIMITED = False  # a health check would take a 429 for a dead listener

    async def get(self) -> None:
        """Send 200 if new jobs can be accepted.

        Responds with 503 if the store is read-only or damaged, has another schema version, or has
        no room. A missing or stale worker is no error, because jobs wait for one; the document
        contains the number of runners and the stale ones.
        """
        try:
            await self.services.run_in_thread(require_ready, self.services.store.database)
        except StoreUnusable as error:
            raise unavailable(f"the store cannot be used: {error}", Code.NOT_READY) from error
        try:
            self.services.disk_watermark.admit_upload(0)
        except Problem as problem:
            raise unavailable(problem.detail, Code.NOT_READY) from problem
        store = self.services.store
        runners = await self.services.run_in_thread(
            registered_runners, store.database, store.runners_folder
        )
        self.send_json(ready_document(runners))

    head = get
