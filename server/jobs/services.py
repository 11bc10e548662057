"""What the handlers work with."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from runner.job_types.base import JobType
from server.auth.authenticate import Authenticator
from server.auth.proxies import TrustedProxies
from server.auth.rate_limits import AccessControl, RateLimits
from server.auth.sessions import Sessions, load_or_create_key
from server.documents import submission
from server.events.callback_sender import CallbackSender
from server.events.feed import EventFeed
from server.openapi import document as openapi
from server.settings.server import ServerSettings
from server.store.backpressure import DiskWatermark
from server.store.batches import Batches
from server.store.changes import StoreChanges
from server.store.idempotency import KeysInFlight
from server.store.queue_mark import QueueWatermark
from server.store.spans import RequestSpans
from storage.jobs import retention
from storage.jobs.callbacks import Callbacks
from storage.jobs.events import Events
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.jobs.queues import Queues
from storage.notify.wakeup import LISTENER
from storage.open import Store
from storage.queries import explain as explaining
from storage.queries.bulk import Bulk
from storage.queries.explain import Explanation
from storage.queries.stats import Stats, count_queued, read_stats
from storage.records.job import Job, NewJob
from storage.records.states import Status
from storage.store import JobStore, Refusal

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8


@dataclass
class Services:
    """The open parts of a listener; made inside its running event loop."""

    settings: ServerSettings
    store: Store
    job_types: Mapping[str, JobType[Any]]
    traces: RequestSpans = field(default_factory=RequestSpans)
    authenticator: Authenticator = field(init=False)
    jobs: JobStore = field(init=False)
    changes: StoreChanges = field(init=False)
    new_jobs: Batches[NewJob, UUID | Refusal] = field(init=False)
    """Durable once it answers; None if the job's source has no file. After StoreInDoubt, the store
    has to be asked for the job's id."""
    keyed_jobs: Batches[KeyedJob, StoredKey | Refusal] = field(init=False)
    """The same for those that have a key: what it stands for."""
    keys_under_way: KeysInFlight = field(default_factory=KeysInFlight)
    jobs_by_id: Batches[UUID, Job | None] = field(init=False)
    bulk: Bulk = field(init=False)
    disk: DiskWatermark = field(init=False)
    queue: QueueWatermark = field(init=False)
    access: AccessControl = field(init=False)
    proxies: TrustedProxies = field(init=False)
    events: Events = field(init=False)
    feed: EventFeed = field(init=False)
    stats: Batches[None, Stats] = field(init=False)
    """The figures of all jobs; whoever asks at the same time gets the same ones."""

    def __post_init__(self) -> None:
        self.authenticator = open_authenticator(self.settings)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._files = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="enqueue")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read")
        self.jobs = JobStore(self.store.database, self.store.wakeup, self.store.clock)
        self.bulk = Bulk(self.store.database, self.store.wakeup, self.store.clock)
        self.changes = StoreChanges(self.store.wakeup)
        self.new_jobs = Batches(self.jobs.enqueue, self._writer)
        self.keyed_jobs = Batches(self.jobs.enqueue_once, self._writer)
        self.jobs_by_id = Batches(self.jobs.get_each, self._reader)
        self.disk = DiskWatermark(
            self.settings.min_free_bytes, self.store.database_folder, self.store.uploads.folder
        )
        self.queue = QueueWatermark(
            self.settings.max_queued_jobs,
            lambda: self.blocking(count_queued, self.store.database),
            self.later,
        )
        limits = RateLimits(self.settings.rate_limit, self.settings.rate_burst)
        self.access = AccessControl(self.authenticator, limits)
        self.proxies = TrustedProxies(self.settings.proxy_networks)
        self.queues = Queues(self.store.database, self.store.wakeup, self.store.clock)
        self.events = Events(self.store.database)
        most = self.settings.max_streams
        self.feed = EventFeed(self.events, self.store.wakeup, self.blocking, most)
        self.stats = Batches(self._read_stats, self._threads)
        self._sender: CallbackSender | None = None
        if hosts := self.settings.allowed_callback_hosts:
            outbox = Callbacks(self.store.database, self.store.clock)
            secret = self.settings.callback_secret.encode()
            self._sender = CallbackSender(outbox, self.changes, self.blocking, hosts, secret)
        self.stopping = False
        self._active = 0
        self._idle = asyncio.Event()
        self._later: set[asyncio.Task[None]] = set()

    def check(self, document: Any, has_file: bool) -> submission.CheckedSubmission:
        """A submission that can be accepted. Raises Problem 422."""
        hosts, cell = self.settings.allowed_callback_hosts, self.settings.cell
        return submission.check(document, has_file, self.job_types, hosts, cell)

    @cached_property
    def openapi(self) -> dict[str, Any]:
        """The API as OpenAPI."""
        return openapi.document(self.job_types)

    def delete(self, job_id: UUID) -> Status | None:
        """Delete a job, if it is final, and its file if no other has it; the status it had."""
        status, unused = retention.delete_job(self.store.database, job_id)
        self.store.uploads.delete(unused)
        self.store.wakeup.notify(LISTENER)
        return status

    def explain(self, job_id: UUID) -> Explanation | None:
        """Why a job does not run yet; None if there is no such job."""
        store = self.store
        return explaining.explain(store.database, store.clock, store.runners_folder, job_id)

    def _read_stats(self, asked: Sequence[None]) -> list[Stats]:
        store = self.store
        return [read_stats(store.database, store.clock, store.runners_folder)] * len(asked)

    async def blocking(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what waits for the database off the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))

    async def on_files(self, call: Callable[[], T]) -> T:
        """Run what waits for the disk of the uploads, so that nothing else has to wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._files, call)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something after the request it belongs to has gone."""
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def entered(self) -> None:
        """A request has come."""
        self._active += 1

    def left(self) -> None:
        """A request has been answered, or its client went away."""
        self._active -= 1
        if self.stopping and self._active == 0:
            self._idle.set()

    async def idle(self, seconds: float) -> None:
        """Let the requests under way end, those that only wait at once; for so long at most."""
        self.stopping = True
        self.changes.wake()
        await self.feed.stop()
        if self._sender:
            await self._sender.stop()
        if self._active:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)
        await self.leave_nothing(seconds)

    async def leave_nothing(self, seconds: float) -> None:
        """Let end what is done after requests, such as files that are given up; at most so long."""
        await asyncio.sleep(0)  # for what a connection that was just closed has to do yet
        if self._later:
            await asyncio.wait(self._later, timeout=seconds)

    def close(self) -> None:
        """End the threads; the store stays open."""
        self.changes.close()
        self._threads.shutdown()
        self._files.shutdown()
        self._writer.shutdown()
        self._reader.shutdown()


def open_authenticator(settings: ServerSettings) -> Authenticator:
    """The authenticator of a listener. Raises StoreError if the key of cookies cannot be had."""
    tokens = settings.tokens()
    if tokens is None:
        return Authenticator(None, None)
    secret = settings.cookie_secret.encode() or load_or_create_key(settings.data_dir)
    return Authenticator(tokens, Sessions(secret, tokens, settings.session_seconds))
