"""Reads the store's events once for all clients that follow them.

    store ──one query per read──▶ EventFeed ──▶ EventStream ──▶ a client
                                           └──▶ EventStream ──▶ another client

Nothing is read while no stream is open. The feed never waits for a client: one that reads too
slowly is dropped.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from uuid import UUID

from server.events.documents import StreamEvent, stream_event
from server.store.threads import MAX_WAIT_SECONDS, StoreThreads, wait_for_wakeup
from storage.jobs.events import Event, Events
from storage.jobs.output import OutputPiece
from storage.notify.wakeup import EVENTS, Waiter, Wakeup
from storage.records.job import StoreDamaged, StoreError, StoreUnavailable
from storage.records.shares import Places

log = logging.getLogger(__name__)

MAX_STREAMS = 2000
"""Event streams that may be open at once. Above it, new ones get 503."""
PAUSE_SECONDS = 0.02
"""The pause after a read that found events, so that one query returns many fast events."""
EXISTENCE_CHECK_SECONDS = 10.0
"""How often to check whether the jobs of the open streams still exist."""
MAX_WAITING_BYTES = 2**20
"""The limit for each client. All clients share the frames, so many slow clients need no more
memory than one."""


class EventStream:
    """The events that wait to be sent to one client."""

    def __init__(
        self,
        matches: Callable[[Event], bool],
        drop: Callable[[], None],
        job_id: UUID | None,
        is_allowed: Callable[[], bool],
        sees: Callable[[Event], bool],
        sharer: str | None = None,
    ):
        """`matches` selects events of all jobs; a `job_id` restricts the stream to one job.

        `sees` says whether the client may see the job of an event. `drop` closes the client's
        connection, even while it is being written to. `is_allowed` returns whether the client may
        still read. `sharer` is the caller if it has only a share of the limit of streams.
        """
        self.job_id = job_id
        self.is_allowed = is_allowed
        self.matches = matches
        self.sees = sees
        self.sharer = sharer
        self.ended = False
        """No more events will be added."""
        self.job_deleted = False
        """The stream ended because its job was deleted."""
        self._drop = drop
        self._waiting: list[StreamEvent] = []
        self._bytes = 0
        self._changed = asyncio.Event()

    def put(self, event: StreamEvent) -> None:
        """Add the next event. If too many bytes wait, drop the client."""
        self._waiting.append(event)
        self._bytes += len(event.frame)
        if self._bytes > MAX_WAITING_BYTES and not self.ended:
            log.info("a client that reads too slowly is dropped")
            self.drop()
        self._changed.set()

    def drop(self) -> None:
        """End the stream without the events that wait, and close the client's connection."""
        self._waiting.clear()
        self.end()
        self._drop()

    async def take(self, seconds: float) -> list[StreamEvent]:
        """Remove and return the waiting events, after waiting up to `seconds` for the first.

        Returns an empty list if no event came in time, or if the stream has ended.
        """
        if not (self._waiting or self.ended):
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)
        taken, self._waiting, self._bytes = self._waiting, [], 0
        return taken

    def end(self) -> None:
        """End the stream, and wake its reader."""
        self.ended = True
        self._changed.set()


class EventFeed:
    """Reads new events while streams are open, and puts them into the streams."""

    def __init__(
        self,
        events: Events,
        wakeup: Wakeup,
        threads: StoreThreads,
        access_changes: Callable[[], int],
    ):
        """`access_changes` returns how often the rights of clients have changed."""
        self._events = events
        self._wakeup = wakeup
        self._threads = threads
        self.max_streams = MAX_STREAMS
        self._access_changes = access_changes
        self._checked_changes = access_changes()
        self._open: set[EventStream] = set()
        self._places = Places()
        self._subscribers: dict[UUID | None, set[EventStream]] = defaultdict(set)
        """Streams that receive events, by their job; under None, the streams of all jobs."""
        self._reading: asyncio.Task[None] | None = None
        self._stopped = False
        self._ready: asyncio.Future[None]
        self.version = 0
        """All events up to this version have been put into the subscribed streams."""

    def limit_streams(self, max_connections: int) -> None:
        """Let event streams use at most half of the connections, because they stay open."""
        self.max_streams = min(self.max_streams, max(1, max_connections // 2))

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._open)

    @contextlib.contextmanager
    def opened(self, stream: EventStream) -> Iterator[None]:
        """Count the stream as open in this block; at its end, the stream is unsubscribed.

        A stream that is opened after `stop` ends at once, and its client connects again elsewhere.
        Raises NoRoom.
        """
        with self._places.taken(self.max_streams, stream.sharer):
            self._open.add(stream)
            if self._stopped:
                stream.end()
            try:
                yield
            finally:
                self._close(stream)

    def _close(self, stream: EventStream) -> None:
        self._open.discard(stream)
        self._subscribers[stream.job_id].discard(stream)
        if not self._subscribers[stream.job_id]:
            del self._subscribers[stream.job_id]

    async def ready(self) -> None:
        """Start reading if necessary, and wait until `version` is known. Raises StoreError.

        The caller has opened a stream, since reading ends when none is open.
        """
        if self._stopped:
            if self.version:
                return
            raise StoreUnavailable("the listener is stopping")
        if self._reading is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._ready)

    def subscribe(self, stream: EventStream) -> int:
        """Put all events after the returned version into an open stream."""
        self._subscribers[stream.job_id].add(stream)
        return self.version

    async def stop(self) -> None:
        """End all streams, and stop reading. A stream that is opened later ends at once."""
        self._stopped = True
        self._end_all()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            if not self._ready.done():
                self._ready.set_exception(StoreUnavailable("the listener is stopping"))

    async def _read(self) -> None:
        try:
            waiter: Waiter = await self._threads.run(lambda: self._wakeup.waiter(EVENTS))
            with contextlib.closing(waiter):
                self.version = await self._threads.run(self._events.newest)
                self._ready.set_result(None)
                await self._follow(waiter)
        except OSError as error:
            self._fail(StoreUnavailable(str(error)))
        except Exception as error:
            self._fail(error)
        finally:
            self._reading = None

    def _fail(self, error: Exception) -> None:
        """Raise the error in `ready`, or end all streams if reading had begun."""
        if not self._ready.done():
            self._ready.set_exception(error)
        else:
            log.error("events cannot be followed", exc_info=error)
            self._end_all()

    async def _follow(self, waiter: Waiter) -> None:
        check_at = 0.0
        while self._open:
            self._drop_refused()
            try:
                version, items = await self._threads.run(self._read_new, waiter)
                self._distribute(items)
                self.version = version
                if time.monotonic() > check_at:
                    check_at = time.monotonic() + EXISTENCE_CHECK_SECONDS
                    await self._end_deleted()
            except StoreError as error:
                if not isinstance(error, StoreDamaged):  # the store itself logs damage, once
                    log.warning("events cannot be read, trying again", extra={"reason": str(error)})
                await asyncio.sleep(MAX_WAIT_SECONDS)
                continue
            await (asyncio.sleep(PAUSE_SECONDS) if items else wait_for_wakeup(waiter))

    def _read_new(self, waiter: Waiter) -> tuple[int, list[Event | OutputPiece]]:
        waiter.clear()
        return self._events.changes_after(self.version)

    def _distribute(self, items: list[Event | OutputPiece]) -> None:
        for item in items:
            streams = list(self._subscribers.get(item.job_id, ()))
            if isinstance(item, Event):
                of_all_jobs = self._subscribers.get(None, ())
                streams += [stream for stream in of_all_jobs if stream.matches(item)]
                for stream in [each for each in streams if not each.sees(item)]:
                    streams.remove(stream)
                    if stream.job_id is not None:  # the job is in another queue now
                        stream.drop()
            if streams:
                event = stream_event(item)
                for stream in streams:
                    stream.put(event)

    def _drop_refused(self) -> None:
        """Drop the clients that may no longer read, if the rights of clients have changed."""
        changes = self._access_changes()
        if changes != self._checked_changes:
            self._checked_changes = changes
            for stream in [each for each in self._open if not each.is_allowed()]:
                log.info("a client whose token was removed is dropped")
                stream.drop()

    async def _end_deleted(self) -> None:
        """End the streams of deleted jobs, whose last event may have been deleted unread."""
        followed = {job_id for job_id in self._subscribers if job_id is not None}
        if followed:
            existing = await self._threads.run(self._events.existing, followed)
            for job_id in followed - existing:
                for stream in self._subscribers.get(job_id, ()):
                    stream.job_deleted = True
                    stream.end()

    def _end_all(self) -> None:
        for stream in self._open:
            stream.end()
