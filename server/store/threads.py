"""Calls that block on the store, outside the event loop's thread: one by one, or in batches.

New jobs that arrive while a transaction is running are stored by the next one, with a single sync
to disk (group commit). Jobs that clients ask for meanwhile are read by a single query.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar
from uuid import UUID

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
MAX_BATCH = 256
MAX_READ_AT_ONCE = 4
"""The most jobs that are read in the event loop. A query for one takes 0.1 ms, two changes of
thread cost more."""


class StoreThreads:
    """The threads of a listener that wait for its store."""

    def __init__(self, reads_at_once: bool):
        """`reads_at_once`: a read waits for nothing, so that it may run in the event loop."""
        self._reads_at_once = reads_at_once
        self._any = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._enqueuing = ThreadPoolExecutor(1, thread_name_prefix="enqueue")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="read")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run any call."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._any, partial(call, *args, **kwargs))

    async def enqueue(self, call: Callable[[list[T]], R], items: list[T]) -> R:
        """Run a call that stores new jobs, after the one before it."""
        return await asyncio.get_running_loop().run_in_executor(self._enqueuing, call, items)

    async def read(self, call: Callable[[Collection[UUID]], R], ids: Collection[UUID]) -> R:
        """Run a call that reads jobs by their ids: a few at once, if that waits for nothing."""
        if self._reads_at_once and len(ids) <= MAX_READ_AT_ONCE:
            return call(ids)
        return await asyncio.get_running_loop().run_in_executor(self._reading, call, ids)

    def close(self) -> None:
        """End the threads, after their present calls."""
        for each in (self._any, self._enqueuing, self._reading):
            each.shutdown()


class Batcher(Generic[T, R]):
    """Makes one call for many items. Items that arrive while it runs are the next batch."""

    def __init__(
        self,
        call: Callable[[list[T]], Sequence[R]],
        run: Callable[[Any, list[T]], Awaitable[Sequence[R]]],
    ):
        """`run` runs `call`, which returns one result for each item, in order."""
        self._call = call
        self._run = run
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
        try:
            results = await self._run(self._call, [item for item, _ in batch])
        except Exception as error:
            for future in [future for _, future in batch if not future.done()]:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
