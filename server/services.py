"""What the handlers work with."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from runner.job_types.base import JobType
from server.changes import Changes
from server.config import ServerSettings
from server.enqueuer import Enqueuer
from storage.opening import Store
from storage.store import JobStore

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8


@dataclass
class Services:
    """The open parts of a listener; made inside its running event loop."""

    settings: ServerSettings
    store: Store
    job_types: Mapping[str, JobType[Any]]
    jobs: JobStore = field(init=False)
    changes: Changes = field(init=False)
    enqueuer: Enqueuer = field(init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="enqueue")
        self.jobs = JobStore(self.store.database, self.store.wakeup)
        self.changes = Changes(self.store.wakeup)
        self.enqueuer = Enqueuer(self.jobs, self._writer)
        self.stopping = False
        self._active = 0
        self._idle = asyncio.Event()
        self._later: set[asyncio.Task[None]] = set()

    async def blocking(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what waits for the disk or the database off the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something after the request it belongs to has gone."""
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def entered(self) -> None:
        """A request has come."""
        self._active += 1

    def left(self) -> None:
        """A request has been answered, or its client went away."""
        self._active -= 1
        if self.stopping and self._active == 0:
            self._idle.set()

    async def idle(self, seconds: float) -> None:
        """Let the requests under way end, those that only wait at once; for so long at most."""
        self.stopping = True
        self.changes.wake()
        if self._active:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)

    def close(self) -> None:
        """End the threads; the store stays open."""
        self.changes.close()
        self._threads.shutdown()
        self._writer.shutdown()
