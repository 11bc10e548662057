"""`/metrics`, `/overview`, its history, and `/readyz`: for those who watch the service."""

from server.documents.metrics import exposition
from server.documents.overview import history_document, overview_document
from server.documents.service_schemas import ReadyDocument
from server.handlers.base import Handler
from server.http.problems import Problem, unavailable
from storage.liveness.runners import living_runners
from storage.queries.health import oldest_transaction_seconds, require_ready
from storage.queries.history import last_hour
from storage.records.job import StoreUnusable
from storage.telemetry.logs import instance


class MetricsHandler(Handler):
    """The figures of all jobs."""

    async def get(self) -> None:
        """In the text format of Prometheus, or OpenMetrics where that is asked for."""
        stats = await self.services.stats.ask(None)
        oldest = await self.services.blocking(
            oldest_transaction_seconds, self.services.store.database
        )
        accept = self.request.headers.get("Accept", "")
        types, listener = self.services.job_types, instance()
        text, content_type = exposition(stats, types, accept, listener, oldest)
        self.set_header("Content-Type", content_type)
        self.finish(text)

    head = get


class OverviewHandler(Handler):
    """The same for people."""

    async def get(self) -> None:
        """As JSON."""
        stats = await self.services.stats.ask(None)
        self.answer(overview_document(stats, self.services.job_types))

    head = get


class HistoryHandler(Handler):
    """The last hour of them."""

    async def get(self) -> None:
        """As JSON."""
        moments = await self.services.blocking(self._last_hour)
        self.answer(history_document(moments))

    def _last_hour(self) -> list[dict[str, int]]:
        store = self.services.store
        return last_hour(store.database, store.clock())

    head = get


class ReadyHandler(Handler):
    """Whether new jobs can be taken, and whether anybody runs them."""

    LIMITED = False  # what asks would take it for dead

    async def get(self) -> None:
        """200 if new jobs can be taken; a store that takes no change, has another schema or no room
        is a 503. Without a worker they wait, so that is told, and is no error."""
        try:
            await self.services.blocking(require_ready, self.services.store.database)
        except StoreUnusable as error:
            raise unavailable(f"the store cannot be used: {error}") from error
        try:
            self.services.disk.admit_upload(0)
        except Problem as problem:
            raise unavailable(problem.detail) from problem
        store = self.services.store
        runners = await self.services.blocking(living_runners, store.database, store.runners_folder)
        ready: ReadyDocument = {"status": "ready", "runners": len(runners)}
        self.answer(ready)

    head = get
