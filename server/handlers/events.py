"""`/events` and `/jobs/{job_id}/events`: changes of jobs as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import socket
from abc import abstractmethod
from typing import Any
from uuid import UUID

from tornado.iostream import StreamClosedError

from server.events import documents as wire
from server.events.stream import EventStream, StreamEvent
from server.events.stream_query import EventsQuery
from server.handlers.base import Handler
from server.handlers.job import parse_id
from server.handlers.query import given_in, read_query
from server.http.problems import Problem
from server.jobs.enqueue import unknown_job
from storage.jobs.events import PAGE, Event, newest_event
from storage.records.job import Job

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 1000
SEND_BUFFER_BYTES = 64 * 1024
"""What the kernel may hold for one client. By itself it takes megabytes, for each slow one."""
BUSY_SECONDS = 10
_HEARTBEAT = b":\n\n"


def _all(event: Event) -> bool:
    return True


class StreamHandler(Handler):
    """An answer that goes on until its client has heard all, or goes away."""

    sent = 0
    """The version up to which the client has been told."""
    stream: EventStream | None = None

    async def get(self, *args: str) -> None:
        """Follow events."""
        if self.services.feed.full:
            headers = {"Retry-After": str(BUSY_SECONDS)}
            raise Problem(503, "as many streams are open as may be", headers=headers)
        query, job_id = self._query(), parse_id(args[0]) if args else None
        stream = self.stream = EventStream(
            query.wants if job_id is None else _all, self._drop, job_id
        )
        try:
            with self.services.feed.opened(stream):
                await self.services.feed.ready()
                await self.follow(stream, query)
        except StreamClosedError:
            pass  # the client has gone, or was dropped

    def head(self, *args: str) -> None:
        """The headers of a stream."""
        self._set_headers()
        self.flush()
        self.finish()

    @abstractmethod
    async def follow(self, stream: EventStream, query: EventsQuery) -> None:
        """Send events until the stream ends."""

    def on_connection_close(self) -> None:
        """The client went away."""
        super().on_connection_close()
        if self.stream is not None:
            self.stream.end()

    async def begin(self, version: int) -> None:
        """Send what comes first: the client has been told of all up to this version."""
        self.sent = version
        self._set_headers()
        connection: Any = self.request.connection
        if connection.stream.closed():
            raise StreamClosedError
        connection.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        await self.send(wire.opening_frame(version, RETRY_MS))

    async def send(self, text: bytes) -> None:
        """Send to the client, and wait until it has been sent. Raises StreamClosedError."""
        self.write(text)
        await self.flush()

    async def send_new(self, news: list[StreamEvent]) -> None:
        """Send what of it has not been sent."""
        new = [told.frame for told in news if told.version > self.sent]
        if new:
            await self.send(b"".join(new))
        if news:
            self.sent = max(self.sent, news[-1].version)

    def _set_headers(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # or nginx holds events back

    def _query(self) -> EventsQuery:
        given = given_in(self)
        # A browser sends the header when it comes again, to the same address.
        last = self.request.headers.get("Last-Event-ID") or given.get("last_event_id")
        return read_query(EventsQuery, {**given, "last_event_id": last})

    def _drop(self) -> None:
        connection: Any = self.request.connection
        connection.stream.close()


class EventsHandler(StreamHandler):
    """Changes of all jobs."""

    async def follow(self, stream: EventStream, query: EventsQuery) -> None:
        """First what the client has missed, read in pages; then what comes."""
        feed = self.services.feed
        if query.last_event_id is None:
            await self.begin(feed.join(stream))
        else:
            await self.begin(await self._told_up_to(query.last_event_id))
            while await self._catch_up(query) == PAGE:
                pass
            feed.join(stream)
            await self._catch_up(query)  # what has come before it joined
        while not stream.ended:
            new = await stream.take(HEARTBEAT_SECONDS)
            await (self.send_new(new) if new or stream.ended else self.send(_HEARTBEAT))

    async def _told_up_to(self, last: int) -> int:
        """What a client knows that has been told of this version, which none may have yet. Another
        listener may have told it of what this one's feed has still to find."""
        if last <= self.services.feed.version:
            return last
        return min(last, await self.services.blocking(self.services.events.newest))

    async def _catch_up(self, query: EventsQuery) -> int:
        """Send the next page of what is stored; how many events it had."""
        reader = self.services.events
        found = await self.services.blocking(reader.after, self.sent)
        await self.send_new([wire.event_told(event) for event in found if query.wants(event)])
        if found:
            self.sent = max(self.sent, found[-1].version)
        return len(found)


class JobEventsHandler(StreamHandler):
    """Changes of one job, to its end."""

    async def follow(self, stream: EventStream, query: EventsQuery) -> None:
        """First how the job is, or what the client has missed; then what comes."""
        job_id, last = stream.job_id, query.last_event_id
        assert job_id is not None
        self.services.feed.join(stream)
        job = await self.services.jobs_by_id.ask(job_id)
        if job is None:
            raise unknown_job(job_id)
        if job.final and last is not None and last >= job.version:
            self.set_status(204)  # a browser does not come again then
            return
        await self.begin(min(last or 0, job.version))
        news = await self._past(job, last)
        while not (stream.ended or await self._send_to_end(job_id, news)):
            news = await stream.take(HEARTBEAT_SECONDS)
            if not (news or stream.ended):
                await self.send(_HEARTBEAT)
        if stream.gone:
            await self.send(wire.end_frame(job_id, None))

    async def _past(self, job: Job, last: int | None) -> list[StreamEvent]:
        """What has come after the last that the client has; or how the job is, if it has none."""
        if last is None:
            return [wire.event_told(newest_event(job))]
        reader = self.services.events
        events = await self.services.blocking(reader.of_job, job.id, last)
        parts = await self.services.blocking(reader.outputs.of_job, job.id, last)
        if max(last, events[-1].version if events else 0) < job.version:
            events.append(newest_event(job))  # it has none from before they were written down
        past = [*map(wire.event_told, events), *map(wire.output_told, parts)]
        return sorted(past, key=lambda told: told.version)

    async def _send_to_end(self, job_id: UUID, news: list[StreamEvent]) -> bool:
        """Send what is new, and after the last of it the end; whether that was it."""
        await self.send_new(news)
        final = next((told.final for told in reversed(news) if told.final), None)
        if final:
            await self.send(wire.end_frame(job_id, final))
        return final is not None
