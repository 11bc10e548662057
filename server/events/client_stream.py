"""The queue of events between the event feed and one client."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from storage.jobs.events import Event
from storage.records.states import Status

log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 2**20
"""The limit for each client. All clients share the frames, so many slow clients need no more
memory than one."""


@dataclass(frozen=True)
class StreamEvent:
    """An event as it is sent to clients. `final` is the job's status if this event ended it."""

    version: int
    frame: bytes
    final: Status | None = None


class EventStream:
    """The events that wait to be sent to one client."""

    def __init__(
        self,
        matches: Callable[[Event], bool],
        drop: Callable[[], None],
        job_id: UUID | None = None,
        is_allowed: Callable[[], bool] = lambda: True,
    ):
        """`matches` selects events of all jobs; a `job_id` restricts the stream to one job.

        `drop` closes the client's connection, even while it is being written to. `is_allowed`
        returns whether the client may still read.
        """
        self.job_id = job_id
        self.is_allowed = is_allowed
        self.matches = matches
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
