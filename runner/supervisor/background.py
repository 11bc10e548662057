"""What waits for the network, done beside the loop of a runner: that has leases to renew.

Imports nothing of ours.
"""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0


class BackgroundTasks:
    """Does one after the other, in a thread that is started for the first; or at once."""

    def __init__(self, at_once: bool):
        """`at_once` is for what waits for no network."""
        self._at_once = at_once
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._closed = False

    def do(self, work: Callable[[], None]) -> None:
        """Have it done. Raises what it does only if that is at once; else it is logged."""
        if self._at_once:
            return work()
        if self._thread is None:
            thread = Thread(target=self._serve, name="errands", daemon=True)
            thread.start()  # may be refused, and is tried for the next one then
            self._thread = thread
        self._queue.put(work)

    def close(self) -> None:
        """Begin no more; what has begun may end within a moment, as a network may never answer."""
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(CLOSE_SECONDS)

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            if self._closed:
                return
            try:
                work()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                log.warning("upkeep of uploads failed, it is tried again", extra={"reason": reason})
