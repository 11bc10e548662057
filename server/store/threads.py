"""Between the event loop and the store: threads for calls that block, one by one or in batches, and
the wake-ups of the store.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, ParamSpec, TypeVar

from storage.notify.wakeup import LISTENER, Waiter, Wakeup

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
MAX_BATCH = 256
MAX_WAIT_SECONDS = 1.0
"""The longest time between two wake-ups of all waiting requests and streams."""


class StoreThreads:
    """Threads that wait for the store."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="store")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(call, *args, **kwargs))

    def close(self) -> None:
        """End the threads, after their present calls."""
        self._executor.shutdown()


class Batcher(Generic[T, R]):
    """A thread that makes one call for many items: all that have arrived during the call before.

    So new jobs that arrive during a transaction are stored by the next one, with a single sync to
    disk (group commit), and jobs that clients ask for meanwhile are read by a single query. Create
    it inside the running event loop.
    """

    def __init__(
        self, name: str, call: Callable[[list[T]], Sequence[R]], alone_at_once: bool = False
    ):
        """`call` returns one result for each item, in order.

        With `alone_at_once`, the event loop itself makes the call for an item that comes alone.
        """
        self._call = call
        self._alone_at_once = alone_at_once
        self._loop = asyncio.get_running_loop()
        self._pending = 0
        """Items without a result."""
        self._gathered: list[tuple[T, asyncio.Future[R]]] = []
        """Items that have come in this iteration of the event loop."""
        self._items: SimpleQueue[tuple[T, asyncio.Future[R]] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def call(self, item: T) -> R:
        """Return the result for one item. An error of the call is raised for its whole batch."""
        future: asyncio.Future[R] = self._loop.create_future()
        self._pending += 1
        if not self._alone_at_once:
            self._items.put((item, future))
        else:
            self._gathered.append((item, future))
            if len(self._gathered) == 1:
                self._loop.call_soon(self._hand_over)
        return await future

    def close(self) -> None:
        """End the thread, after its present call."""
        self._items.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        if self._pending == 1:
            self._answer(gathered, self._results(gathered))
        else:
            for each in gathered:
                self._items.put(each)

    def _work(self) -> None:
        is_closing = False
        while not is_closing:
            batch = self._take()
            is_closing = None in batch
            if asked := [each for each in batch if each]:
                results = self._results(asked)
                with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
                    self._loop.call_soon_threadsafe(self._answer, asked, results)

    def _take(self) -> list[tuple[T, asyncio.Future[R]] | None]:
        """Wait for an item, and return all items that wait by then, up to MAX_BATCH."""
        batch = [self._items.get()]
        with contextlib.suppress(Empty):
            while len(batch) < MAX_BATCH:
                batch.append(self._items.get_nowait())
        return batch

    def _results(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> Sequence[R] | Exception:
        try:
            return self._call([item for item, _ in batch])
        except Exception as error:
            return error

    def _answer(
        self,
        batch: Sequence[tuple[T, asyncio.Future[R]]],
        results: Sequence[R] | Exception,
    ) -> None:
        self._pending -= len(batch)
        for at, (_, future) in enumerate(batch):
            if future.done():
                continue  # canceled
            if isinstance(results, Exception):
                future.set_exception(results)
            else:
                future.set_result(results[at])


class StoreChanges:
    """Passes the store's wake-ups to all waiting requests. Create it inside the running event loop.

    Also wakes them every MAX_WAIT_SECONDS, because a wake-up can be lost.
    """

    def __init__(self, wakeup: Wakeup, threads: StoreThreads):
        self._waiter = wakeup.waiter(LISTENER)
        self._threads = threads
        self._changed = asyncio.Event()
        self.count = 0
        """How often the waiting requests were woken so far."""
        self._task = asyncio.create_task(self._listen())

    def next_change(self) -> asyncio.Event:
        """Return an event that the next change sets. Get it before reading the store."""
        return self._changed

    def close(self) -> None:
        """Stop listening. Call it after the threads have ended."""
        self._task.cancel()
        if (descriptor := self._waiter.fileno()) >= 0:
            asyncio.get_running_loop().remove_reader(descriptor)
        self._waiter.close()

    def wake(self) -> None:
        """Wake all waiting requests, so that they read the store again."""
        self.count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def _listen(self) -> None:
        while True:
            await wait_for_wakeup(self._waiter)
            if self._waiter.fileno() >= 0:
                self._waiter.clear()
            else:  # a lost connection, which is opened again
                await self._threads.run(self._waiter.clear)
            self.wake()


async def wait_for_wakeup(waiter: Waiter) -> None:
    """Wait for a wake-up, for MAX_WAIT_SECONDS at most, because a wake-up can be lost."""
    loop, woken, descriptor = asyncio.get_running_loop(), asyncio.Event(), waiter.fileno()
    if descriptor < 0:
        return await asyncio.sleep(MAX_WAIT_SECONDS)
    loop.add_reader(descriptor, woken.set)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await woken.wait()
    finally:
        loop.remove_reader(descriptor)
