"""Combines simultaneous requests to the store. Imports no other module of the service.

New jobs that arrive while a transaction is running are stored by the next one, with a single sync
to disk (group commit). Jobs that clients ask for meanwhile are read by a single query.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MAX_BATCH = 256


class Batcher(Generic[T, R]):
    """Makes one call for many items. Items that arrive while it runs are the next batch."""

    def __init__(self, call: Callable[[list[T]], Sequence[R]], thread: Executor):
        """`call` runs in `thread`, and returns one result for each item, in order."""
        self._call = call
        self._thread = thread
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None
        """Calls until no item waits."""

    async def call(self, item: T) -> R:
        """Return the result for one item. An error of the call is raised for its whole batch."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._call_while_waiting())
        return await future

    async def _call_while_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._call_for(batch)
        finally:
            self._task = None

    async def _call_for(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            items = [item for item, _ in batch]
            results = await loop.run_in_executor(self._thread, self._call, items)
        except Exception as error:
            for future in [future for _, future in batch if not future.done()]:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
