"""Batches: submits many jobs by one request, follows and cancels them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from jobservice import requests
from jobservice._async.job import MIN_WAIT_SECONDS
from jobservice._async.transport import AsyncTransport
from jobservice.batch_documents import (
    BatchData,
    NewBatch,
    PipelineData,
    read_batch,
    read_new_batch,
    read_pipeline,
)
from jobservice.blocking import async_sleep
from jobservice.documents import BulkChange
from jobservice.errors import WaitTimeout

if TYPE_CHECKING:
    from jobservice.options import NewJob


class AsyncBatches:
    """The batches of a service: `client.batches`. `client.list(batch=ID)` has their jobs."""

    def __init__(self, transport: AsyncTransport):
        self._transport = transport

    async def submit(
        self,
        jobs: Iterable[NewJob],
        *,
        atomic: bool = True,
        then: NewJob | None = None,
        idempotency_key: str | None = None,
    ) -> NewBatch:
        """Submit up to 10,000 jobs by one request: dicts with type, payload and options.

        If one of them is refused, ApiError is raised, and no job is stored. With `atomic=False`,
        the others are stored, and `refusals` says why it was refused; ApiError is raised only if
        no job is valid.

        A job can have a `name`, with which others name it in `after` and `input_from`. A batch with
        names is always atomic. `then` is a job that runs when all others have ended. Calls with the
        same key make one batch; by default, each call has its own.
        """
        request = requests.submit_batch(jobs, atomic=atomic, then=then, key=idempotency_key)
        return read_new_batch((await self._transport.send(request)).document())

    async def get(self, batch_id: str) -> BatchData:
        """Return how far a batch is. Raises ApiError 404 (batch_not_found) if there is none."""
        return read_batch((await self._transport.send(requests.get_batch(batch_id))).document())

    async def pipeline(self, batch_id: str) -> PipelineData:
        """Return which jobs of a batch run after which, with their names and statuses."""
        request = requests.get_pipeline(batch_id)
        return read_pipeline((await self._transport.send(request)).document())

    async def list(self, *, limit: int | None = None) -> AsyncIterator[BatchData]:
        """Yield how far each batch is, newest first: of all batches, or of up to `limit`."""
        request, size = requests.list_batches, requests.PAGE_BATCHES
        async for document in self._transport.items(request, size, limit):
            yield read_batch(document)

    async def wait(self, batch_id: str, timeout: float | None = None) -> BatchData:
        """Wait until no job of a batch is queued or running, and return how its jobs ended.

        Raises WaitTimeout after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        left = requests.MAX_WAIT_SECONDS if timeout is None else max(0.0, timeout)
        while True:
            asked_at = time.monotonic()
            request = requests.get_batch(batch_id, left)
            batch = read_batch((await self._transport.send(request, deadline)).document())
            now = time.monotonic()
            if batch.finished:
                return batch
            if deadline is not None and now >= deadline:
                unfinished = batch.queued + batch.running
                are = "job is" if unfinished == 1 else "jobs are"
                raise WaitTimeout(f"{unfinished} {are} not final in batch {batch_id}")
            left = requests.MAX_WAIT_SECONDS if deadline is None else deadline - now
            if now - asked_at < min(left, MIN_WAIT_SECONDS):
                await async_sleep(MIN_WAIT_SECONDS)  # a stopping listener answers at once

    async def cancel(self, batch_id: str) -> BulkChange:
        """Cancel the queued and running jobs of a batch, without waiting for their processes."""
        document = (await self._transport.send(requests.cancel_batch(batch_id))).document()
        return BulkChange(document["matched"], document["changed"], dry_run=False)
