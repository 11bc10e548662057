"""Notifies waiting requests of changes in the store."""

import asyncio
import contextlib
import threading

from storage.notify.wakeup import LISTENER, Wakeup, wait

MAX_WAIT_SECONDS = 1.0
"""The longest time between two wake-ups of all waiting requests."""


class StoreChanges:
    """Receives the store's wake-ups in a thread, and passes them to all waiting requests.

    Also wakes them every MAX_WAIT_SECONDS, because a wake-up can be lost.
    """

    def __init__(self, wakeup: Wakeup):
        self._wakeup = wakeup
        self._waiter = wakeup.waiter(LISTENER)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self.count = 0
        """How often the waiting requests were woken so far."""
        self._closing = False
        self._thread = threading.Thread(target=self._listen, name="changes", daemon=True)
        self._thread.start()

    def next_change(self) -> asyncio.Event:
        """Return an event that the next change sets. Get it before reading the store."""
        return self._changed

    @staticmethod
    async def wait_for(change: asyncio.Event, seconds: float) -> None:
        """Wait for an event from `next_change`, for `seconds` at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(change.wait(), seconds)

    def close(self) -> None:
        """Stop the thread, and wait for its end."""
        self._closing = True
        self._wakeup.notify(LISTENER)
        self._thread.join()
        self._waiter.close()

    def wake(self) -> None:
        """Wake all waiting requests, so that they read the store again."""
        self.count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def _listen(self) -> None:
        while not self._closing:
            wait(self._waiter, MAX_WAIT_SECONDS)
            with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
                self._loop.call_soon_threadsafe(self.wake)
