"""Waits for jobs to become final, for requests with a `wait` parameter."""

import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from server.documents.jobs import accepted_document, job_document, job_headers, job_path
from server.http.problems import Problem
from server.jobs.enqueue import job_not_found
from server.jobs.services import Services
from storage.records.job import Job, StoreError

T = TypeVar("T")


async def poll_until(
    services: Services,
    seconds: float,
    read: Callable[[], Awaitable[T]],
    is_last: Callable[[T], bool],
) -> T:
    """Call `read` after every change of the store until `is_last` accepts its value.

    Returns the newest value, also after `seconds` or when the listener stops. Raises what `read`
    raises.
    """
    deadline = time.monotonic() + seconds
    while True:
        change = services.store_changes.next_change()
        value = await read()
        remaining = deadline - time.monotonic()
        if is_last(value) or remaining <= 0 or services.stopping:
            return value
        await services.store_changes.wait_for(change, remaining)


async def wait_for_job(services: Services, job_id: UUID, seconds: float) -> Job:
    """Return a job once it is final, or as it is after `seconds` or when the listener stops.

    Raises StoreError, and Problem 404 if the job does not exist or was deleted meanwhile.
    """
    read = partial(services.job_batcher.call, job_id)
    job = await poll_until(services, seconds, read, _is_last)
    if job is None:
        raise job_not_found(job_id)
    return job


def _is_last(job: Job | None) -> bool:
    return job is None or job.final


async def submission_response(
    services: Services, job_id: UUID, seconds: float
) -> tuple[int, Any, dict[str, str]]:
    """Wait for a new job, and return status, document and headers of the response.

    The status is 200 if the job is final, else 202. The job is stored already, so a failure while
    waiting still gives a 202.
    """
    headers = {"Location": job_path(job_id)}
    job: Job | None = None
    if seconds:
        with contextlib.suppress(StoreError, Problem):
            job = await wait_for_job(services, job_id, seconds)
    if job is None:
        return 202, accepted_document(job_id), headers
    status = 200 if job.final else 202
    return status, job_document(job), {**headers, **job_headers(job)}
