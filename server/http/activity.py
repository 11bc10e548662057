"""Counts the requests under way, and keeps the background tasks. Imports nothing of ours."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any


class Activity:
    """Counts requests under way and keeps background tasks, so that a shutdown can await them.

    Create it inside the running event loop.
    """

    def __init__(self) -> None:
        self.stopping = False
        """Whether the listener is stopping, so that responses have `Connection: close`."""
        self._requests = 0
        self._idle = asyncio.Event()
        self._background_tasks: set[asyncio.Task[None]] = set()

    def request_started(self) -> None:
        """Count a request that has begun."""
        self._requests += 1

    def request_finished(self) -> None:
        """Count a request that was answered, or whose client went away."""
        self._requests -= 1
        if self.stopping and self._requests == 0:
            self._idle.set()

    def run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a coroutine that may outlive the request it belongs to."""
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    async def finish_requests(self, seconds: float) -> None:
        """Wait up to `seconds` for the requests under way. The listener must be stopping."""
        if self._requests:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)

    async def finish_background_tasks(self, seconds: float) -> None:
        """Wait up to `seconds` for the background tasks, such as the removal of partial uploads."""
        await asyncio.sleep(0)  # a connection that was just closed may still start a task
        if self._background_tasks:
            await asyncio.wait(self._background_tasks, timeout=seconds)
