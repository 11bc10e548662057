"""The services of a listener: everything that its request handlers share."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from runner.job_types.base import JobType
from server.auth.addresses import AllowedHosts, TrustedProxies
from server.auth.authenticate import Authenticator
from server.auth.sessions import Sessions, load_or_create_key
from server.checking.submission import CheckedSubmission, Received, SubmissionChecks
from server.documents.metrics import Traffic
from server.documents.queues import UNKNOWN_QUEUE
from server.events.callback_sender import OUTCOMES, CallbackSender
from server.events.shared_feed import EventFeed
from server.http.access_log import RequestMetrics
from server.http.problems import Problem, joined, unacceptable
from server.openapi.document import openapi_document
from server.settings.server import ServerSettings
from server.store.backpressure import DiskWatermark, QueueWatermark
from server.store.batcher import Batcher
from server.store.changes import StoreChanges
from server.store.idempotency import KeysInFlight
from server.store.spans import RequestSpans
from storage.jobs.callbacks import Callbacks
from storage.jobs.events import Events
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.jobs.queues import Queues
from storage.jobs.retention import delete_job
from storage.notify.wakeup import LISTENER
from storage.open import Store
from storage.queries.bulk import Bulk
from storage.queries.explain import Explanation, explain
from storage.queries.stats import Stats, count_queued, read_stats
from storage.records.job import Job, JobCheck, NewJob
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import Status
from storage.store import JobStore, Refusal

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8


@dataclass
class Services:
    """The open resources of a listener. Create it inside the running event loop."""

    settings: ServerSettings
    store: Store
    job_types: Mapping[str, JobType[Any]]
    request_spans: RequestSpans = field(default_factory=RequestSpans)
    authenticator: Authenticator = field(init=False)
    jobs: JobStore = field(init=False)
    store_changes: StoreChanges = field(init=False)
    enqueue_batcher: Batcher[NewJob, UUID | Refusal] = field(init=False)
    """Stores new jobs. The returned job is durable; after StoreInDoubt it may or may not be stored,
    which only a look-up of its id can tell."""
    keyed_enqueue_batcher: Batcher[KeyedJob, StoredKey | Refusal] = field(init=False)
    """Stores new jobs that have an Idempotency-Key, with the same guarantee; returns the job that
    the key stands for."""
    request_metrics: RequestMetrics = field(default_factory=RequestMetrics)
    traffic: Callable[[], Traffic] = Traffic
    """Returns the figures of the connections. The HTTP server sets it."""
    keys_in_flight: KeysInFlight = field(default_factory=KeysInFlight)
    job_batcher: Batcher[UUID, Job | None] = field(init=False)
    """Reads jobs by their ids."""
    bulk: Bulk = field(init=False)
    disk_watermark: DiskWatermark = field(init=False)
    queue_watermark: QueueWatermark = field(init=False)
    proxies: TrustedProxies = field(init=False)
    hosts: AllowedHosts = field(init=False)
    queues: Queues = field(init=False)
    events: Events = field(init=False)
    event_feed: EventFeed = field(init=False)
    stats_batcher: Batcher[None, Stats] = field(init=False)
    """Reads the statistics of all jobs; simultaneous requests share one read."""

    def __post_init__(self) -> None:
        database, wakeup, clock = self.store.database, self.store.wakeup, self.store.clock
        self.authenticator = open_authenticator(self.settings)
        self.hosts = AllowedHosts(self.settings.allowed_host_names)
        self.proxies = TrustedProxies(self.settings.proxy_networks)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._file_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
        self._enqueue_thread = ThreadPoolExecutor(1, thread_name_prefix="enqueue")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="read")
        self.jobs = JobStore(database, wakeup, clock)
        self.bulk = Bulk(database, wakeup, clock)
        self.queues = Queues(database, wakeup, clock)
        self.store_changes = StoreChanges(wakeup)
        self.enqueue_batcher = Batcher(self.jobs.enqueue, self._enqueue_thread)
        self.keyed_enqueue_batcher = Batcher(self.jobs.enqueue_once, self._enqueue_thread)
        self.job_batcher = Batcher(self.jobs.get_each, self._read_thread)
        self.stats_batcher = Batcher(self._read_stats, self._threads)
        self._submission_checks = SubmissionChecks(
            self.job_types,
            self.settings.job_type_packages,
            self.settings.allowed_callback_hosts,
            self.settings.cell,
        )
        self.disk_watermark = DiskWatermark(
            self.settings.min_free_bytes, self.store.database_folder, self.store.uploads.folder
        )
        self.queue_watermark = QueueWatermark(
            self.settings.max_queued_jobs,
            lambda: self.run_in_thread(count_queued, database),
            self.run_in_background,
        )
        self.events = Events(database)
        self.event_feed = EventFeed(
            self.events,
            wakeup,
            self.run_in_thread,
            self.settings.max_streams,
            lambda: self.authenticator.changes,
        )
        self._callback_sender = self._start_callback_sender()
        self.stopping = False
        self._active_requests = 0
        self._idle = asyncio.Event()
        self._background_tasks: set[asyncio.Task[None]] = set()

    def _start_callback_sender(self) -> CallbackSender | None:
        hosts = self.settings.allowed_callback_hosts
        if not hosts:
            return None
        callbacks = Callbacks(self.store.database, self.store.clock)
        secret = self.settings.callback_secret.encode()
        return CallbackSender(callbacks, self.store_changes, self.run_in_thread, hosts, secret)

    async def check_submission(self, received: Received) -> CheckedSubmission:
        """Parse and validate a whole submission with this listener's settings.

        Raises Problem 400, 422 and 503.
        """
        checked = await self.check_fields(received)
        assert checked is not None
        return checked

    async def check_fields(self, received: Received) -> CheckedSubmission | None:
        """As `check_submission`, but None if required fields are missing that may still follow."""
        try:
            return await self._submission_checks.check(received)
        except Problem as problem:
            if unknown := await self.unknown_queue(problem.queue):
                raise joined([problem, unknown]) from None
            raise

    async def unknown_queue(self, name: str | None) -> Problem | None:
        """Problem 422 if there is no queue with this name."""
        if name is None or name == DEFAULT_QUEUE:
            return None
        queue = await self.run_in_thread(self.queues.get, name)
        return unacceptable([UNKNOWN_QUEUE]) if queue is None else None

    @cached_property
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the API."""
        return openapi_document(self.job_types)

    @property
    def callback_counts(self) -> Mapping[str, int]:
        """Tries to send a callback by outcome."""
        sender = self._callback_sender
        return sender.counts if sender else dict.fromkeys(OUTCOMES, 0)

    def delete_job(self, job_id: UUID, check: JobCheck | None = None) -> Status | None:
        """Delete a job if it is final, and its file unless another job uses it.

        Returns the status that the job had, or None if there is no such job. Raises what `check`
        raises. Blocks.
        """
        status, unused_files = delete_job(self.store.database, job_id, check)
        self.store.uploads.delete(unused_files)
        self.store.wakeup.notify(LISTENER)
        return status

    def explain_job(self, job_id: UUID) -> Explanation | None:
        """Explain why a job is not running; None if there is no such job. Blocks."""
        return explain(self.store.database, self.store.clock, self.store.runners_folder, job_id)

    def _read_stats(self, requests: Sequence[None]) -> list[Stats]:
        stats = read_stats(self.store.database, self.store.clock, self.store.runners_folder)
        return [stats] * len(requests)

    async def run_in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that blocks on the store outside the event loop's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))

    async def run_file_io(self, call: Callable[[], T]) -> T:
        """Run a call that blocks on the uploads' disk, in threads that the store does not use."""
        return await asyncio.get_running_loop().run_in_executor(self._file_threads, call)

    def run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a coroutine that may outlive the request it belongs to."""
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    def request_started(self) -> None:
        """Count a request that has begun."""
        self._active_requests += 1

    def request_finished(self) -> None:
        """Count a request that was answered, or whose client went away."""
        self._active_requests -= 1
        if self.stopping and self._active_requests == 0:
            self._idle.set()

    async def begin_stop(self) -> None:
        """End streams and waiting requests. From now on, responses have `Connection: close`."""
        self.stopping = True
        self.store_changes.wake()
        await self.event_feed.stop()
        if self._callback_sender:
            await self._callback_sender.stop()

    async def finish_requests(self, seconds: float) -> None:
        """End streams and waiting requests at once, and let all others finish for `seconds`."""
        if not self.stopping:
            await self.begin_stop()
        if self._active_requests:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)
        await self.finish_background_tasks(seconds)

    async def finish_background_tasks(self, seconds: float) -> None:
        """Wait up to `seconds` for the background tasks, such as the removal of partial uploads."""
        await asyncio.sleep(0)  # a connection that was just closed may still start a task
        if self._background_tasks:
            await asyncio.wait(self._background_tasks, timeout=seconds)

    def close(self) -> None:
        """Stop the threads and the check process. The store stays open."""
        self._submission_checks.process.close()
        self.store_changes.close()
        self._threads.shutdown()
        self._file_threads.shutdown()
        self._enqueue_thread.shutdown()
        self._read_thread.shutdown()


def open_authenticator(settings: ServerSettings) -> Authenticator:
    """Create a listener's authenticator. Raises StoreError if the key of cookies is unavailable."""
    tokens, sessions = settings.tokens(), None
    if tokens is not None:
        secret = settings.cookie_secret.encode() or load_or_create_key(settings.data_dir)
        sessions = Sessions(secret, tokens, settings.session_seconds)
    return Authenticator(tokens, sessions, settings.rate_limit, settings.rate_burst)
