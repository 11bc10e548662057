"""Waits for the end of a job, for whoever has asked for it or has just submitted it."""

import contextlib
import time
from typing import Any
from uuid import UUID

from server import wire
from server.services import Services
from storage.job import Job, StoreError


async def job_after(services: Services, job_id: UUID, seconds: float) -> Job | None:
    """A job, once it is final or the time is over, or the listener stops; None if there is none
    (any more). Raises StoreError."""
    deadline = time.monotonic() + seconds
    while True:
        ticket = services.changes.ticket()
        job = await services.jobs_by_id.ask(job_id)
        left = deadline - time.monotonic()
        if job is None or job.final or left <= 0 or services.stopping:
            return job
        await services.changes.after(ticket, left)


async def accepted_after(
    services: Services, job_id: UUID, seconds: float
) -> tuple[int, Any, dict[str, str]]:
    """Status, document and headers of the answer to a submission that waits for so long: 200 with a
    job that is final. Whatever happens by now, the job was accepted."""
    headers = {"Location": wire.job_path(job_id)}
    job: Job | None = None
    if seconds:
        with contextlib.suppress(StoreError):
            job = await job_after(services, job_id, seconds)
    if job is None:
        return 202, wire.accepted_document(job_id), headers
    status = 200 if job.final else 202
    return status, wire.job_document(job), {**headers, **wire.job_headers(job)}
