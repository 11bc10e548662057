"""Group commit: all submissions that wait are stored by one transaction, with one sync to disk."""

import asyncio
from concurrent.futures import Executor
from uuid import UUID

from storage.job import NewJob
from storage.store import JobStore

MAX_BATCH = 256


class Enqueuer:
    """Stores new jobs for all requests of this listener.

    While one batch is on its way to the disk, the next one gathers; there is no timer.
    """

    def __init__(self, store: JobStore, threads: Executor):
        self._store = store
        self._threads = threads
        self._waiting: list[tuple[NewJob, asyncio.Future[UUID | None]]] = []
        self._draining: asyncio.Task[None] | None = None

    async def enqueue(self, job: NewJob) -> UUID | None:
        """Store a job; durable when this returns. None if its source has no file.

        Raises StoreError.
        """
        future: asyncio.Future[UUID | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._store_batch(batch)
        finally:
            self._draining = None

    async def _store_batch(self, batch: list[tuple[NewJob, asyncio.Future[UUID | None]]]) -> None:
        loop = asyncio.get_running_loop()
        jobs = [job for job, _ in batch]
        futures = [future for _, future in batch if not future.done()]
        try:
            ids = await loop.run_in_executor(self._threads, self._store.enqueue, jobs)
        except Exception as error:
            for future in futures:
                future.set_exception(error)
            return
        for (_, future), job_id in zip(batch, ids, strict=True):
            if not future.done():
                future.set_result(job_id)
