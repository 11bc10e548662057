"""Reads jobs by their ids, and waits until they are final.

change of the store ──▶ one query for all jobs that requests wait for ──▶ requests go on
"""

import asyncio
from collections.abc import Collection
from uuid import UUID

from server.store.changes import StoreChanges
from server.store.threads import MAX_BATCH, Batcher, StoreThreads
from storage.records.job import Job
from storage.store import JobStore


class JobReader:
    """Reads jobs for all requests. Create it inside the running event loop."""

    def __init__(self, store: JobStore, threads: StoreThreads, changes: StoreChanges):
        self._store = store
        self._threads = threads
        self._changes = changes
        self._batcher = Batcher(store.get_each, threads.read)
        self._waits: set[_Wait] = set()
        self._stopped = False
        self._watcher = asyncio.create_task(self._watch())

    @property
    def changes(self) -> int:
        """The number of changes of the store so far, for `until_final`."""
        return self._changes.count

    async def get(self, job_id: UUID) -> Job | None:
        """Return a job, or None if there is none with this id. Raises StoreError."""
        return await self._batcher.call(job_id)

    async def get_each(self, ids: Collection[UUID]) -> dict[UUID, Job | None]:
        """Return several jobs, in order; None for an id without a job. Raises StoreError."""
        return dict(zip(ids, await asyncio.gather(*map(self.get, ids)), strict=True))

    async def wait(self, ids: Collection[UUID], seconds: float) -> dict[UUID, Job | None]:
        """Return jobs once all are final or deleted.

        After `seconds` or when the listener stops, returns them as they are. Raises StoreError.
        """
        seen = self._changes.count
        found = await self.get_each(ids)
        unfinished = [job.id for job in found.values() if job and not job.final]
        if unfinished and seconds:
            await self.until_final(unfinished, seconds, seen)
            found |= await self.get_each(unfinished)
        return found

    async def until_final(self, ids: Collection[UUID], seconds: float, seen: int | None) -> None:
        """Wait until all these jobs are final or deleted, `seconds` are over, or for the stop.

        `seen` is the number of changes when all were known to be neither; None if they may be.
        Raises StoreError.
        """
        wait = _Wait(ids)
        self._waits.add(wait)
        try:
            if seen != self._changes.count:
                await self._look([wait])
            if not self._stopped:
                await asyncio.wait([wait.ended], timeout=seconds)
            if wait.ended.done() and (error := wait.ended.result()):
                raise error
        finally:
            self._waits.discard(wait)

    def stop(self) -> None:
        """End all waits, also those that begin later."""
        self._stopped = True
        self._watcher.cancel()
        for wait in self._waits:
            wait.end()

    async def _watch(self) -> None:
        change = self._changes.next_change()
        while True:
            await change.wait()
            change = self._changes.next_change()
            await self._look(list(self._waits))

    async def _look(self, waits: list["_Wait"]) -> None:
        """End the waits whose jobs are all final or deleted."""
        ids = list({job_id for wait in waits for job_id in wait.ids})
        try:
            for start in range(0, len(ids), MAX_BATCH):
                asked = ids[start : start + MAX_BATCH]
                unfinished = await self._threads.read(self._store.unfinished, asked)
                ended = set(asked) - unfinished
                for wait in waits:
                    wait.ids -= ended
        except Exception as error:  # any error: the watcher must not stop
            for wait in waits:
                wait.end(error)
        for wait in waits:
            if not wait.ids:
                wait.end()


class _Wait:
    """A request that waits for jobs."""

    def __init__(self, ids: Collection[UUID]):
        self.ids = set(ids)
        """Those that are not known to be final."""
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        """Done at its end, with the error for which it ends."""

    def end(self, error: Exception | None = None) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
