"""Asks the store for many requests at once. Imports nothing of ours.

Of new jobs, all that wait are stored by one transaction, with one sync to disk: group commit. Of
jobs that clients ask for, all that wait are read by one query.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MAX_BATCH = 256


class Batches(Generic[T, R]):
    """Makes one call for many. While one is under way, the next gathers; there is no timer."""

    def __init__(self, call: Callable[[list[T]], Sequence[R]], thread: Executor):
        """`call` answers each of what it is given, in order; it runs in the thread."""
        self._call = call
        self._thread = thread
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._draining: asyncio.Task[None] | None = None

    async def ask(self, item: T) -> R:
        """The answer for one. Raises what the call raises, which then all of a batch get."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._answer(batch)
        finally:
            self._draining = None

    async def _answer(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._thread, self._call, [i for i, _ in batch])
        except Exception as error:
            for future in [future for _, future in batch if not future.done()]:
                future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
