"""What one client that follows events is still to be sent."""

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
"""Events that wait for one client. (They are shared by all, so many such clients take no more.)"""


@dataclass(frozen=True)
class StreamEvent:
    """What a client is told. `final` is the status in which its job has ended with that."""

    version: int
    frame: bytes
    final: Status | None = None


class EventStream:
    """What one client is still to be sent."""

    def __init__(
        self, wants: Callable[[Event], bool], drop: Callable[[], None], job_id: UUID | None = None
    ):
        """All events that the client wants, or only those of one job. `drop` ends its connection,
        even while it is being written to."""
        self.job_id = job_id
        self.wants = wants
        self.ended = False
        """There is nothing more to come."""
        self.gone = False
        """That is so since the job was deleted."""
        self._drop = drop
        self._waiting: list[StreamEvent] = []
        self._bytes = 0
        self._news = asyncio.Event()

    def put(self, told: StreamEvent) -> None:
        """What comes next."""
        self._waiting.append(told)
        self._bytes += len(told.frame)
        if self._bytes > MAX_WAITING_BYTES and not self.ended:
            log.info("a client that reads too slowly is dropped")
            self._waiting.clear()
            self.end()
            self._drop()
        self._news.set()

    async def take(self, seconds: float) -> list[StreamEvent]:
        """What is to be sent next; nothing if the stream has ended, or the time is over."""
        if not (self._waiting or self.ended):
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)
        taken, self._waiting, self._bytes = self._waiting, [], 0
        return taken

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._news.set()
