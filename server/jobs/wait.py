"""Waits for the end of jobs, for whoever has asked for them or has just submitted one."""

import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from server.documents import jobs as wire
from server.http.problems import Problem
from server.jobs.enqueue import unknown_job
from server.jobs.services import Services
from storage.records.job import Job, StoreError

T = TypeVar("T")


async def found_after(
    services: Services,
    seconds: float,
    look: Callable[[], Awaitable[T]],
    is_last: Callable[[T], bool],
) -> T:
    """What is found by a look after each change, once it is the last, or the time is over, or the
    listener stops. Raises what `look` raises."""
    deadline = time.monotonic() + seconds
    while True:
        ticket = services.changes.ticket()
        found = await look()
        left = deadline - time.monotonic()
        if is_last(found) or left <= 0 or services.stopping:
            return found
        await services.changes.after(ticket, left)


async def job_after(services: Services, job_id: UUID, seconds: float) -> Job:
    """A job, once it is final or the time is over, or the listener stops. Raises StoreError, and
    Problem 404 if there is none (any more)."""
    look = partial(services.jobs_by_id.ask, job_id)
    job = await found_after(services, seconds, look, _is_last)
    if job is None:
        raise unknown_job(job_id)
    return job


def _is_last(job: Job | None) -> bool:
    return job is None or job.final


async def accepted_after(
    services: Services, job_id: UUID, seconds: float
) -> tuple[int, Any, dict[str, str]]:
    """Status, document and headers of the answer to a submission that waits for so long: 200 with a
    job that is final. Whatever happens by now, the job was accepted."""
    headers = {"Location": wire.job_path(job_id)}
    job: Job | None = None
    if seconds:
        with contextlib.suppress(StoreError, Problem):
            job = await job_after(services, job_id, seconds)
    if job is None:
        return 202, wire.accepted_document(job_id), headers
    status = 200 if job.final else 202
    return status, wire.job_document(job), {**headers, **wire.job_headers(job)}
