"""Tells requests that wait when something has changed in the store."""

import asyncio
import contextlib
import threading

from storage.notify.wakeup import LISTENER, Wakeup, wait

LOOK_SECONDS = 1.0


class StoreChanges:
    """Waits for wake-ups in a thread of its own, and passes them to all requests that wait.

    Also wakes them every LOOK_SECONDS, since a wake-up may be lost.
    """

    def __init__(self, wakeup: Wakeup):
        self._wakeup = wakeup
        self._waiter = wakeup.waiter(LISTENER)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._listen, name="changes", daemon=True)
        self._thread.start()

    def ticket(self) -> asyncio.Event:
        """To be taken before looking at the store; set by the next change after that."""
        return self._changed

    @staticmethod
    async def after(ticket: asyncio.Event, seconds: float) -> None:
        """Return when something has changed since the ticket was taken, or the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ticket.wait(), seconds)

    def close(self) -> None:
        """Stop the thread, and wait for its end."""
        self._closing = True
        self._wakeup.notify(LISTENER)
        self._thread.join()
        self._waiter.close()

    def wake(self) -> None:
        """Let all requests that wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _listen(self) -> None:
        while not self._closing:
            wait(self._waiter, LOOK_SECONDS)
            with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
                self._loop.call_soon_threadsafe(self.wake)
