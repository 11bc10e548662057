"""The composition root of a listener: creates the objects that `routes.py` gives to handlers."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tornado.routing import Rule
from tornado.web import RequestHandler

from runner.job_types.registry.found import JobTypes
from server.api.files.downloads import Downloads
from server.api.monitoring.metrics import ListenerMetrics
from server.api.openapi.components import security_schemes
from server.api.pattern_sets.lookup import PatternSetLookup
from server.api.types import TypeDocuments
from server.auth.addresses import AllowedHosts
from server.events.callback_sender import OUTCOMES, CallbackSender
from server.events.shared_feed import EventFeed
from server.handlers.application import ListenerApplication
from server.handlers.base import Handler, NotFound
from server.handlers.web_files import WebFiles
from server.http.connections.acceptor import Traffic
from server.http.fast_path.path import FastPath
from server.http.request_log import Activity
from server.http.webhook_signatures import signing_keys
from server.jobs.admission import Admissions, DiskWatermark, QueueWatermark
from server.jobs.batch_submissions import BatchSubmissions
from server.jobs.jobs import Jobs
from server.jobs.long_poll import JobReader
from server.jobs.quotas.quotas import JobQuotas
from server.jobs.quotas.usage import UseCounts
from server.jobs.schedules import ScheduleService
from server.jobs.submissions import Submissions
from server.jobs.uploads.resumable_uploads import ResumableService
from server.jobs.uploads.stored_files import StoredFiles
from server.jobs.validation.batch_checks import BatchChecks
from server.jobs.validation.submission import SubmissionChecks
from server.jobs.worker_limits import WorkerLimitChecks
from server.processes.line_readers import LineReaders
from server.settings.server import ServerSettings
from server.start.authentication import open_authentication, open_proxies, ways_to_sign_in
from server.start.description import ROLES, openapi_document
from server.start.http_server import HttpServer
from server.store.spans import RequestSpans
from server.store.threads import Batcher, StoreChanges, StoreThreads
from server.store.token_uses import UsedTokens
from storage.access.token_uses import TokenUses
from storage.batch_submission import Batches
from storage.jobs.callbacks import Callbacks
from storage.jobs.events import Events
from storage.jobs.idempotency import has_key
from storage.jobs.pattern_sets import PatternSets
from storage.jobs.queues import Queues
from storage.jobs.service_callbacks import ServiceCallbacks
from storage.open import Store
from storage.queries.bulk import Bulk
from storage.queries.caller_use import MAX_EXCESS, count_bytes_of, count_queued_of, has_upload
from storage.queries.stats import Stats, count_queued, read_stats
from storage.records.json_values import Json
from storage.records.release import RELEASE
from storage.records.resumable_upload import UPLOAD_KEEP_SECONDS, ResumableUpload
from storage.schedules.schedules import Schedules
from storage.store import JobStore
from storage.telemetry.logs import instance

T = TypeVar("T")

FILE_THREADS = 8


class App:
    """The objects of a listener. Create it inside the running event loop."""

    _server: HttpServer | None = None

    def __init__(
        self,
        settings: ServerSettings,
        store: Store,
        job_types: JobTypes,
        spans: RequestSpans | None = None,
    ):
        database, wakeup = store.database, store.wakeup
        self.settings, self.store, self.job_types = settings, store, job_types
        self.activity = Activity()
        self.threads, self.line_readers, self.downloads = StoreThreads(), LineReaders(), Downloads()
        self._file_threads = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="upload")
        self.changes, self.used_tokens = StoreChanges(wakeup, self.threads), self._used_tokens()
        self.sign_in, self.authenticator = open_authentication(settings, self.used_tokens.note)
        self.hosts = AllowedHosts(settings.allowed_host_names)
        self.proxies = open_proxies(settings, self.hosts)
        self.pattern_sets = PatternSetLookup(PatternSets(database, store.clock), self.threads)
        self.checks = self._submission_checks()
        self.disk_watermark, self.queue_watermark = self._watermarks()
        self.quotas, self.admissions = self._admissions(spans)
        self.job_store = JobStore(
            database, wakeup, store.clock, audits_submissions=settings.audit == "all"
        )
        self.reader = JobReader(
            self.job_store, self.threads, self.changes, reads_at_once=store.reads_wait_for_nobody
        )
        self.resumable, self.stored_files = self._file_services()
        stored = store, self.job_store, self.threads, self.reader
        self.submissions = Submissions(
            *stored, self.checks, self.resumable, self.stored_files, settings.root_path
        )
        self.queues = Queues(database, wakeup, store.clock)
        self.schedules = self._schedule_service()
        self.bulk = Bulk(database, wakeup, store.clock)
        self.jobs = Jobs(
            *stored, self.queue_watermark, spans, settings.root_path, self.quotas, self.bulk
        )
        self.batches = self._batches()
        self.stats, self.events = Batcher("stats", self._read_stats), Events(database)
        self.event_feed = self._event_feed()
        self._callback_sender = self._start_callback_sender()
        self.type_documents = TypeDocuments(job_types)
        self.openapi = describe_api(job_types, settings.root_path)
        self.web_files = WebFiles(RELEASE, settings.root_path, ways_to_sign_in(settings))
        self.fast_path: FastPath | None = self._fast_path()

    def serve(
        self, routes: Sequence[Rule], sockets: Sequence[socket.socket], max_connections: int
    ) -> HttpServer:
        """Accept connections, and give their requests to the handlers of the routes."""
        self.event_feed.limit_streams(max_connections)
        self._server = HttpServer(
            self.application(routes),
            self.proxies,
            self.fast_path,
            self.settings,
            sockets,
            max_connections,
        )
        return self._server

    def _watermarks(self) -> tuple[DiskWatermark, QueueWatermark]:
        settings, store = self.settings, self.store
        folders = store.database_folder, store.uploads.folder
        run = self.activity.run_in_background
        counts = self._count_queued, self._queued_of_callers()
        queue = QueueWatermark(settings.max_queued_jobs, *counts, run)
        return DiskWatermark(settings.min_free_bytes, *folders), queue

    def _admissions(self, spans: RequestSpans | None) -> tuple[JobQuotas, Admissions]:
        run, database = self.activity.run_in_background, self.store.database
        resumables = self.store.resumables
        keep_ms = round(UPLOAD_KEEP_SECONDS * 1000)

        def begun_by(name: str) -> list[ResumableUpload]:
            return [each for each in resumables.unexpired(keep_ms) if each.created_by == name]

        quotas = JobQuotas(
            self.authenticator.quotas,
            self._queued_of_callers(),
            UseCounts(
                self.threads, run, lambda name, limit: count_bytes_of(database, name, begun_by)
            ),
            lambda name, sha256: self.threads.run(has_upload, database, name, sha256),
        )
        watermarks = self.queue_watermark, self.disk_watermark

        def find_key(key: str) -> Awaitable[bool]:
            return self.threads.run(has_key, database, key)

        return quotas, Admissions(*watermarks, spans, quotas, find_key)

    def _used_tokens(self) -> UsedTokens:
        uses, run = TokenUses(self.store.database), self.activity.run_in_background
        audit = self.store.audit if self.settings.audit != "off" else None
        return UsedTokens(uses, self.threads, run, audit)

    def _submission_checks(self) -> SubmissionChecks:
        return SubmissionChecks(
            self.job_types,
            self.settings.allowed_callback_hosts,
            self.settings.cell,
            self.pattern_sets.find,
        )

    def _batches(self) -> BatchSubmissions:
        checks = BatchChecks(
            self.checks.process,
            self.job_types,
            self.settings.allowed_callback_hosts,
            self.settings.cell,
            self.pattern_sets.find,
        )
        store = self.store
        return BatchSubmissions(
            Batches(store.database, store.wakeup, store.clock, self.job_store),
            self.bulk,
            self.threads,
            checks,
            self.submissions,
            self.jobs,
            self.queue_watermark,
            self.settings.cell,
            self.settings.root_path,
            WorkerLimitChecks(store, self.threads),
        )

    def _file_services(self) -> tuple[ResumableService, StoredFiles]:
        settings, store, run = self.settings, self.store, self.run_file_io
        most = settings.max_upload_bytes
        resumable = ResumableService(store.resumables, run, most, self.quotas)
        return resumable, StoredFiles(store, self.threads, run, most)

    def _schedule_service(self) -> ScheduleService:
        store = self.store
        schedules = Schedules(store.database, store.wakeup, store.clock, self.job_store.add)
        return ScheduleService(
            schedules, self.submissions, self.reader, self.threads, self.authenticator.audits
        )

    def _fast_path(self) -> FastPath:
        return FastPath(
            self.submissions,
            self.jobs,
            self.admissions,
            self.authenticator,
            self.hosts,
            self.proxies,
            self.activity,
            self.settings,
            ROLES,
        )

    def _event_feed(self) -> EventFeed:
        return EventFeed(
            self.events,
            self.store.wakeup,
            self.threads,
            lambda: self.authenticator.stream_changes,
        )

    def _queued_of_callers(self) -> UseCounts:
        def count(name: str, limit: int) -> int:
            return count_queued_of(self.store.database, name, limit + MAX_EXCESS)

        return UseCounts(self.threads, self.activity.run_in_background, count)

    async def _count_queued(self) -> int:
        return await self.threads.run(count_queued, self.store.database)

    async def begin_stop(self) -> None:
        """End streams and waiting requests. From now on, responses have `Connection: close`."""
        self.activity.stopping = True
        self.resumable.stop()
        self.reader.stop()
        await self.event_feed.stop()
        if self._callback_sender:
            await self._callback_sender.stop()
        await self.used_tokens.stop()

    async def finish_requests(self, seconds: float) -> None:
        """End streams and waiting requests at once, and let all others finish for `seconds`."""
        if not self.activity.stopping:
            await self.begin_stop()
        await self.activity.finish_requests(seconds)
        await self.activity.finish_background_tasks(seconds)

    def close(self) -> None:
        """Stop the threads and the check process. The store stays open."""
        self.checks.process.close()
        if self.sign_in:
            self.sign_in.close()
        self.line_readers.close()
        for each in (self.submissions, self.reader, self.stats, self.threads, self.changes):
            each.close()
        self._file_threads.shutdown()
        self.downloads.close()

    def _start_callback_sender(self) -> CallbackSender | None:
        hosts, named = self.settings.allowed_callback_hosts, self.settings.service_callbacks()
        if not hosts and not named:
            return None
        database, clock = self.store.database, self.store.clock
        callbacks = Callbacks(database, clock)
        for_all = ServiceCallbacks(database, clock, named) if named else None
        keys = signing_keys(self.settings.callback_secret)
        return CallbackSender(callbacks, self.changes, self.threads, hosts, keys, for_all)

    def _read_stats(self, requests: Sequence[None]) -> list[Stats]:
        stats = read_stats(self.store.database, self.store.clock, self.store.runners_folder)
        return [stats] * len(requests)

    async def run_file_io(self, call: Callable[[], T]) -> T:
        """Run a call that blocks on the uploads' disk, in threads that the store does not use."""
        return await asyncio.get_running_loop().run_in_executor(self._file_threads, call)

    def metrics(self) -> ListenerMetrics:
        """Return what this listener counts itself."""
        sender = self._callback_sender
        return ListenerMetrics(
            instance(),
            self.activity.metrics,
            self._server.acceptor.traffic() if self._server else Traffic(),
            self.event_feed.streams,
            sender.counts if sender else dict.fromkeys(OUTCOMES, 0),
            self.disk_watermark.free_bytes(),
            self.authenticator.quotas.refused,
        )

    def application(self, routes: Sequence[Rule]) -> ListenerApplication:
        """Return the application that serves the routes."""
        return ListenerApplication(
            routes,
            NotFound,
            self._log_request,
            self.authenticator,
            self.hosts,
            self.activity,
            self.settings.root_path,
            self.settings.allowed_origins,
        )

    def _log_request(self, handler: RequestHandler) -> None:
        """Log and count a request that a handler has answered, as the fast path does."""
        request, status = handler.request, handler.get_status()
        assert isinstance(handler, Handler)
        self.activity.record(
            handler.ROUTE,
            request.method or "",
            request.path,
            status,
            request.request_time(),
            handler.is_timed,
            request.remote_ip or "",
            handler.caller.name,
            handler.request_id,
        )


def describe_api(job_types: JobTypes, root_path: str) -> Json:
    """Return the OpenAPI document of a service below a path."""
    document = openapi_document(job_types)
    (server,) = document["servers"]
    components = {**document["components"], "securitySchemes": security_schemes(root_path)}
    servers = [{**server, "url": root_path or "/"}]
    return {**document, "servers": servers, "components": components}
