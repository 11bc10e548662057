"""Follows the events of the store once for all clients that follow them.

    store ──events, one query for each look──▶ Feed ──▶ Stream ──▶ a client
                                                   └──▶ Stream ──▶ another one

While nobody follows, nothing is read. No client is waited for: one that reads too slowly is
dropped.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, TypeVar
from uuid import UUID

from server.events import documents as wire
from server.events.stream import EventStream
from storage.jobs.events import Event, Events
from storage.jobs.output import OutputPiece
from storage.notify.wakeup import EVENTS, Waiter, Wakeup
from storage.records.job import StoreError, StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.02
"""Between two looks, so that in a rush many events come with one query."""
EXISTENCE_SECONDS = 10.0


class Blocking(Protocol):
    """Runs a call off the event loop."""

    def __call__(self, call: Callable[[], T], /) -> Awaitable[T]:
        """What the call returns."""


class EventFeed:
    """Reads events while there are streams, and passes them on."""

    def __init__(self, events: Events, wakeup: Wakeup, blocking: Blocking, most: int):
        """`most` streams may be open at once."""
        self._events = events
        self._wakeup = wakeup
        self._blocking = blocking
        self._most = most
        self._open: set[EventStream] = set()
        self._joined: dict[UUID | None, set[EventStream]] = defaultdict(set)
        self._reading: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None]
        self.version = 0
        """Up to which events have been passed on."""

    @property
    def full(self) -> bool:
        """Whether as many streams are open as may be."""
        return len(self._open) >= self._most

    @contextlib.contextmanager
    def opened(self, stream: EventStream) -> Iterator[None]:
        """While this lasts, the stream counts as open."""
        self._open.add(stream)
        try:
            yield
        finally:
            self._open.discard(stream)
            self._joined[stream.job_id].discard(stream)
            if not self._joined[stream.job_id]:
                del self._joined[stream.job_id]

    async def ready(self) -> None:
        """Return when events are being read, for an open stream. Raises StoreError."""
        if self._reading is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._ready)

    def join(self, stream: EventStream) -> int:
        """From now on pass events to an open stream; the version after which they come."""
        self._joined[stream.job_id].add(stream)
        return self.version

    async def stop(self) -> None:
        """End all streams, and read no more."""
        self._end_all()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            if not self._ready.done():
                self._ready.set_exception(StoreUnavailable("the listener stops"))

    async def _read(self) -> None:
        try:
            waiter = await self._blocking(lambda: self._wakeup.waiter(EVENTS))
            with contextlib.closing(waiter):
                self.version = await self._blocking(self._events.newest)
                self._ready.set_result(None)
                await self._follow(waiter)
        except OSError as error:
            self._fail(StoreUnavailable(str(error)))
        except Exception as error:
            self._fail(error)
        finally:
            self._reading = None

    def _fail(self, error: Exception) -> None:
        """Tell those who wait to join, or end what has begun."""
        if not self._ready.done():
            self._ready.set_exception(error)
        else:
            log.error("events cannot be followed", exc_info=error)
            self._end_all()

    async def _follow(self, waiter: Waiter) -> None:
        check_at = 0.0
        while self._open:
            try:
                version, found = await self._blocking(lambda: self._look(waiter))
                self._pass_on(found)
                self.version = version
                if time.monotonic() > check_at:
                    check_at = time.monotonic() + EXISTENCE_SECONDS
                    await self._end_deleted()
            except StoreError as error:
                log.warning("events cannot be read, trying again", extra={"reason": str(error)})
                await asyncio.sleep(LOOK_SECONDS)
                continue
            await (asyncio.sleep(PAUSE_SECONDS) if found else _woken(waiter))

    def _look(self, waiter: Waiter) -> tuple[int, list[Event | OutputPiece]]:
        waiter.drain()
        return self._events.changes_after(self.version)

    def _pass_on(self, found: list[Event | OutputPiece]) -> None:
        for news in found:
            takers = list(self._joined.get(news.job_id, ()))
            if isinstance(news, Event):
                takers += [each for each in self._joined.get(None, ()) if each.wants(news)]
            if takers:
                told = wire.told(news)
                for stream in takers:
                    stream.put(told)

    async def _end_deleted(self) -> None:
        """A job may have been deleted before its last event was read."""
        followed = {job_id for job_id in self._joined if job_id is not None}
        if followed:
            existing = await self._blocking(lambda: self._events.existing(followed))
            for job_id in followed - existing:
                for stream in self._joined.get(job_id, ()):
                    stream.gone = True
                    stream.end()

    def _end_all(self) -> None:
        for stream in self._open:
            stream.end()


async def _woken(waiter: Waiter) -> None:
    """Return when a wake-up has come, or after LOOK_SECONDS, since one may be lost."""
    loop, woken, descriptor = asyncio.get_running_loop(), asyncio.Event(), waiter.fileno()
    if descriptor < 0:
        return await asyncio.sleep(LOOK_SECONDS)
    loop.add_reader(descriptor, woken.set)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), LOOK_SECONDS)
    finally:
        loop.remove_reader(descriptor)
