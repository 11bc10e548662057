"""Reads jobs by their ids, and waits until they are final.

change of the store ──▶ one look at all jobs that requests wait for ──▶ requests go on
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar
from uuid import UUID

from server.store.threads import MAX_BATCH, Batcher, StoreChanges, StoreThreads
from storage.records.job import Job
from storage.store import JobStore

R = TypeVar("R")

MAX_READ_AT_ONCE = 4
"""The most jobs that are read in the event loop."""


class JobReader:
    """Reads jobs for all requests. Create it inside the running event loop."""

    def __init__(
        self, store: JobStore, threads: StoreThreads, changes: StoreChanges, reads_at_once: bool
    ):
        """`reads_at_once`: a read waits for nothing, so a short one may run in the event loop."""
        self._store = store
        self._threads = threads
        self._changes = changes
        self._max_at_once = MAX_READ_AT_ONCE if reads_at_once else 0
        self._batcher = Batcher("read", store.get_each, alone_at_once=reads_at_once)
        self._waits: set[_Wait] = set()
        self._stopped = False
        self._watcher = asyncio.create_task(self._watch())

    @property
    def changes(self) -> int:
        """The number of changes of the store so far, for `until_final`."""
        return self._changes.count

    @property
    def stopped(self) -> bool:
        """Whether all waits have ended because the listener stops."""
        return self._stopped

    async def get(self, job_id: UUID) -> Job | None:
        """Return a job, or None if there is none with this id. Raises StoreError."""
        return await self._batcher.call(job_id)

    async def get_each(self, ids: Sequence[UUID]) -> dict[UUID, Job | None]:
        """Return several jobs, in order; None for an id without a job. Raises StoreError."""
        if len(ids) == 1:
            return {ids[0]: await self.get(ids[0])}
        jobs = await self._read(self._store.get_each, ids) if ids else []
        return dict(zip(ids, jobs, strict=True))

    async def wait(self, ids: Sequence[UUID], seconds: float) -> dict[UUID, Job | None]:
        """Return jobs once all are final or deleted.

        After `seconds` or when the listener stops, returns them as they are. Raises StoreError.
        """
        seen = self._changes.count
        found = await self.get_each(ids)
        unfinished = [job.id for job in found.values() if job and not job.final]
        if unfinished and seconds:
            ended = await self.until_final(unfinished, seconds, seen)
            others = [each for each in unfinished if each not in ended]
            found |= ended | await self.get_each(others)
        return found

    async def until_final(
        self, ids: Collection[UUID], seconds: float, seen: int | None
    ) -> dict[UUID, Job | None]:
        """Wait until all these jobs are final or deleted, `seconds` are over, or for the stop.

        Returns the final jobs by their ids, and None for each deleted one. `seen` is the number of
        changes at which the caller knew that no job was final or deleted. It is None if the caller
        does not know. Raises StoreError.
        """
        wait = _Wait(ids)
        self._waits.add(wait)
        timer = wait.ended.get_loop().call_later(seconds, wait.end)
        try:
            if seen != self._changes.count:
                await self._look([wait])
            if self._stopped:
                wait.end()
            if error := await wait.ended:
                raise error
        finally:
            timer.cancel()
            self._waits.discard(wait)
        return wait.found

    async def end_of(self, job_id: UUID, seconds: float, seen: int | None) -> Job | None:
        """Return a job once it is final, or as it is after `seconds` or when the listener stops.

        None if it was deleted. `seen` is as for `until_final`. Raises StoreError.
        """
        found = await self.until_final([job_id], seconds, seen)
        return found[job_id] if found else await self.get(job_id)

    def stop(self) -> None:
        """End all waits. A wait that begins later ends at once."""
        self._stopped = True
        self._watcher.cancel()
        for wait in self._waits:
            wait.end()

    def close(self) -> None:
        """End the thread that reads."""
        self._batcher.close()

    async def _watch(self) -> None:
        change = self._changes.next_change()
        while True:
            await change.wait()
            change = self._changes.next_change()
            await self._look(list(self._waits))

    async def _look(self, waits: list["_Wait"]) -> None:
        """Tell each wait which of its jobs are final or deleted. A wait without other jobs ends."""
        ids = list({job_id for wait in waits for job_id in wait.ids})
        try:
            for start in range(0, len(ids), MAX_BATCH):
                ended = await self._ended(ids[start : start + MAX_BATCH])
                for wait in waits:
                    wait.take(ended)
        except Exception as error:  # any error: the watcher must not stop
            for wait in waits:
                wait.end(error)

    async def _ended(self, ids: Sequence[UUID]) -> dict[UUID, Job | None]:
        """Return the final jobs among these by their ids, and None for each deleted one."""
        if len(ids) > 1:  # most are unfinished, and their rows may be long
            unfinished = await self._read(self._store.unfinished, ids)
            ids = [job_id for job_id in ids if job_id not in unfinished]
        if not ids:
            return {}
        found = zip(ids, await self._read(self._store.get_each, ids), strict=True)
        return {job_id: job for job_id, job in found if job is None or job.final}

    async def _read(self, call: Callable[[Sequence[UUID]], R], ids: Sequence[UUID]) -> R:
        if len(ids) <= self._max_at_once:
            return call(ids)
        return await self._threads.run(call, ids)


class _Wait:
    """A request that waits for jobs."""

    def __init__(self, ids: Collection[UUID]):
        self.ids = set(ids)
        """Those that are not known to be final or deleted."""
        self.found: dict[UUID, Job | None] = {}
        """The others; None for a deleted one."""
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        """Done at its end, with the error for which it ends."""

    def take(self, jobs: dict[UUID, Job | None]) -> None:
        self.found |= {job_id: jobs[job_id] for job_id in self.ids & jobs.keys()}
        self.ids -= jobs.keys()
        if not self.ids:
            self.end()

    def end(self, error: Exception | None = None) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
