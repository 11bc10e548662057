"""`/events` and `/jobs/{job_id}/events`: changes of jobs as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import socket
from abc import abstractmethod
from dataclasses import field
from typing import ClassVar
from uuid import UUID

from tornado.iostream import StreamClosedError

from server.api.jobs.job import parse_job_id
from server.api.openapi.operation import EVENT_STREAM, Operation
from server.auth.callers import Role
from server.documents.schemas.events import ChangeEvent, DeadlineEvent, EndEvent, LogEvent
from server.events.documents import (
    EventsQuery,
    JobEventsQuery,
    StreamEvent,
    end_frame,
    opening_frame,
    stream_event,
)
from server.events.shared_feed import EventFeed, EventStream
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.jobs import Jobs
from server.store.threads import StoreThreads
from storage.jobs.events import PAGE, Event, Events, newest_event
from storage.records.job import Job
from storage.records.shares import NoRoom

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 1000
SEND_BUFFER_BYTES = 64 * 1024
"""The kernel's send buffer for one client; by default, it takes megabytes for each slow client."""
FULL_RETRY_SECONDS = 10
_HEARTBEAT = b":\n\n"


class StreamHandler(Handler):
    """A response that continues until the events end or the client goes away."""

    LIMITED = True
    event_feed: EventFeed
    events: Events
    threads: StoreThreads
    model: ClassVar[type[JobEventsQuery]]
    is_timed = False
    sent = 0
    """All events up to this version have been sent."""
    stream: EventStream | None = field(default=None, init=False)

    async def send_events(self, *args: str) -> None:
        """Send events."""
        query, job_id = self._read_query(), parse_job_id(args[0]) if args else None
        given = query.matches, self.close_connection, job_id, self.is_still_allowed, self.sees
        stream = self.stream = EventStream(*given, self.caller.sharer)
        try:
            with self.event_feed.opened(stream):
                await self.event_feed.ready()
                await self.follow(stream, query)
        except StreamClosedError:
            pass  # the client went away, or was dropped
        except NoRoom as error:
            headers = {"Retry-After": str(FULL_RETRY_SECONDS)}
            detail = error.text(self.event_feed.max_streams, "event streams")
            raise Problem(Code.STREAMS_FULL, detail, headers=headers) from None

    def stream_token(self) -> str | None:
        """Return the stream token in the query."""
        given = self.request.query_arguments.get("stream_token")
        return given[-1].decode(errors="replace") if given else None

    def _authenticate(self) -> None:
        stream_token = self.stream_token()
        if stream_token is None or self.authenticator.tokens is None:
            super()._authenticate()
        else:
            self.caller = self.authenticator.stream_caller(stream_token, is_open=True)
            self._require_rights(Role.READ)

    def sees(self, event: Event) -> bool:
        """Return whether the caller may see the job of an event."""
        return self.caller.sees(event.submitted_by, event.queue)

    def head(self, *args: str) -> None:
        """Send the headers of a stream."""
        self._set_stream_headers()
        self.flush()
        self.finish()

    @abstractmethod
    async def follow(self, stream: EventStream, query: JobEventsQuery) -> None:
        """Send events until the stream ends."""

    def on_connection_close(self) -> None:
        """The client went away: end its stream."""
        super().on_connection_close()
        if self.stream is not None:
            self.stream.end()

    async def known_version(self, last_event_id: int) -> int:
        """Return the version up to which a client knows all events, at most the newest version.

        A version ahead of this listener's feed can be real: another listener may have sent it.
        Only the store can tell that from a version that does not exist yet.
        """
        if last_event_id <= self.event_feed.version:
            return last_event_id
        newest = await self.threads.run(self.events.newest)
        return min(last_event_id, newest)

    async def begin(self, version: int) -> None:
        """Send the opening frame to a client that knows all events up to this version."""
        self.sent = version
        self._set_stream_headers()
        if self.client.closed():
            raise StreamClosedError
        self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        await self.send(opening_frame(version, RETRY_MS))

    async def send(self, frames: bytes) -> None:
        """Send frames, and wait until the kernel has taken them. Raises StreamClosedError."""
        self.write(frames)
        await self.flush()

    async def send_new(self, events: list[StreamEvent]) -> None:
        """Send those events that have not been sent yet."""
        new = [event.frame for event in events if event.version > self.sent]
        if new:
            await self.send(b"".join(new))
        if events:
            self.sent = max(self.sent, events[-1].version)

    def _set_stream_headers(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")  # keeps nginx from buffering events

    def _read_query(self) -> JobEventsQuery:
        parameters = query_parameters(self, self.model.REPEATABLE)
        # When a browser reconnects, it sends the header and repeats the original query.
        header = self.request.headers.get("Last-Event-ID")
        last = header or parameters.get("last_event_id")
        sources = {"last_event_id": "Last-Event-ID"} if header else {}
        return read_query(self.model, {**parameters, "last_event_id": last}, sources)


class EventsHandler(StreamHandler):
    """Changes of all jobs."""

    ROUTE = "/events"
    model = EventsQuery

    @Operation(
        "followJobs",
        "events",
        {200: EVENT_STREAM},
        queries=(EventsQuery,),
        events=(ChangeEvent, DeadlineEvent),
    )
    async def get(self) -> None:
        """Follow all jobs.

        Server-sent events. The stream has no end.
        """
        await self.send_events()

    async def follow(self, stream: EventStream, query: JobEventsQuery) -> None:
        """Send the events that the client has missed, page by page, then new ones as they come."""
        feed = self.event_feed
        if query.last_event_id is None:
            await self.begin(feed.subscribe(stream))
        else:
            await self.begin(await self.known_version(query.last_event_id))
            while await self._catch_up(query) == PAGE:
                pass
            feed.subscribe(stream)
            await self._catch_up(query)  # came before it subscribed
        while not stream.ended:
            new = await stream.take(HEARTBEAT_SECONDS)
            await (self.send_new(new) if new or stream.ended else self.send(_HEARTBEAT))

    async def _catch_up(self, query: JobEventsQuery) -> int:
        """Send the next page of stored events; returns how many were read."""
        reader = self.events
        events = await self.threads.run(reader.after, self.sent)
        chosen = (event for event in events if query.matches(event) and self.sees(event))
        await self.send_new([stream_event(event) for event in chosen])
        if events:
            self.sent = max(self.sent, events[-1].version)
        return len(events)


class JobEventsHandler(StreamHandler):
    """Changes and output of one job, until it is final."""

    jobs: Jobs
    ROUTE = "/jobs/{job_id}/events"
    model = JobEventsQuery
    _job: Job | None = None

    @Operation(
        "followJob",
        "events",
        {200: EVENT_STREAM, 204: None},
        queries=(JobEventsQuery,),
        events=(ChangeEvent, DeadlineEvent, LogEvent, EndEvent),
    )
    async def get(self, job_id: str) -> None:
        """Follow a job until it is final.

        Server-sent events. The status is 204 if there are no more events.
        """
        await self.send_events(job_id)

    def is_still_allowed(self) -> bool:
        """Return whether the caller may still read, and still sees the job."""
        job = self._job
        may_read = super().is_still_allowed()
        return may_read and (job is None or self.caller.sees(job.submitted_by, job.queue))

    async def follow(self, stream: EventStream, query: JobEventsQuery) -> None:
        """Send the job's state or the events that the client has missed, then new events."""
        job_id, last = stream.job_id, query.last_event_id
        assert job_id is not None
        self.event_feed.subscribe(stream)
        job = self._job = await self.jobs.wait(job_id, self.caller)
        if job.final and last is not None and last >= job.version:
            self.set_status(204)  # tells a browser not to reconnect
            return
        # Output can be newer than the job: the client must not ask for it again.
        await self.begin(await self.known_version(last or 0))
        events = await self._missed_events(job, last)
        while not (stream.ended or await self._send_to_end(job_id, events)):
            events = await stream.take(HEARTBEAT_SECONDS)
            if not (events or stream.ended):
                await self.send(_HEARTBEAT)
        if stream.job_deleted:
            await self.send(end_frame(job_id, None, None))

    async def _missed_events(self, job: Job, last: int | None) -> list[StreamEvent]:
        """Return the events after `last`; or only the job's current state if `last` is None."""
        if last is None:
            return [stream_event(newest_event(job))]
        reader = self.events
        events = await self.threads.run(reader.of_job, job.id, last)
        pieces = await self.threads.run(reader.outputs.of_job, job.id, last)
        if max(last, events[-1].version if events else 0) < job.version:
            events.append(newest_event(job))  # its change was made before events were stored
        missed = [*map(stream_event, events), *map(stream_event, pieces)]
        return sorted(missed, key=lambda event: event.version)

    async def _send_to_end(self, job_id: UUID, events: list[StreamEvent]) -> bool:
        """Send new events, and the end frame after a final one; returns whether there was one."""
        await self.send_new(events)
        final = next((event.final for event in reversed(events) if event.final), None)
        if final:
            job = (await self.jobs.wait_each([job_id], self.caller, 0))[job_id]
            is_same = job is not None and job.status is final
            await self.send(end_frame(job_id, final, job if is_same else None))
        return final is not None
