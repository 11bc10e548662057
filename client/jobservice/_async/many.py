"""Waits for many jobs with few requests: each asks for up to a hundred jobs by their ids."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

from jobservice import requests
from jobservice._async.job import MIN_WAIT_SECONDS, AsyncJob
from jobservice._async.transport import AsyncTransport
from jobservice.blocking import async_sleep
from jobservice.documents import read_job
from jobservice.errors import ApiError, WaitTimeout

FIRST_LOOK_SECONDS = 0.1
LAST_LOOK_SECONDS = 1.0
"""The wait of one request grows to this while no job ends."""


async def wait_all(
    transport: AsyncTransport, jobs: Sequence[AsyncJob], timeout: float | None
) -> list[AsyncJob]:
    """Wait until all jobs have ended. Raises WaitTimeout after `timeout` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    for some in _groups(jobs):
        left, seconds = some, 0.0  # the first look finds unknown ids at once
        while left := [job for job in left if not job.data.has_end]:
            try:
                await _look(transport, left, seconds, deadline)
            except WaitTimeout as error:
                raise _timeout(error, jobs) from error.__cause__
            seconds = requests.MAX_WAIT_SECONDS
    return list(jobs)


async def as_completed(
    transport: AsyncTransport, jobs: Sequence[AsyncJob], timeout: float | None
) -> AsyncIterator[AsyncJob]:
    """Yield each job when it has ended. Raises WaitTimeout after `timeout` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    left, seconds = list(jobs), 0.0
    while left:
        try:
            ended = await refresh_all(transport, left, seconds, deadline)
        except WaitTimeout as error:
            raise _timeout(error, jobs) from error.__cause__
        for job in ended:
            yield job
        left = [job for job in left if not job.data.has_end]
        grown = min(LAST_LOOK_SECONDS, max(FIRST_LOOK_SECONDS, 2 * seconds))
        seconds = FIRST_LOOK_SECONDS if ended else grown


async def refresh_all(
    transport: AsyncTransport, jobs: Sequence[AsyncJob], wait: float, deadline: float | None = None
) -> list[AsyncJob]:
    """Update all jobs, and return the ended ones. Takes about `wait` seconds if none has ended."""
    groups = _groups(jobs)
    for some in groups:
        await _look(transport, some, wait / len(groups), deadline)
    return [job for job in jobs if job.data.has_end]


async def _look(
    transport: AsyncTransport, jobs: Sequence[AsyncJob], wait: float, deadline: float | None
) -> None:
    """Update jobs when all have ended, or after `wait` seconds."""
    asked_at = time.monotonic()
    left = wait if deadline is None else min(wait, deadline - asked_at)
    ids = [job.id for job in jobs]
    try:
        answer = await transport.send(requests.get_jobs(ids, left), deadline)
    except WaitTimeout as error:
        raise WaitTimeout(str(error), jobs) from error.__cause__
    document = answer.document()
    for unknown in document["unknown"]:
        detail = f"there is no job {unknown}"
        raise ApiError(404, {"code": "job_not_found", "detail": detail, "job_id": unknown})
    found = {item["job_id"]: read_job(item) for item in document["items"]}
    for job in jobs:
        job.update(found[job.id])
    unfinished = [job for job in jobs if not job.is_final]
    now = time.monotonic()
    if unfinished and deadline is not None and now >= deadline:
        raise WaitTimeout("the time is over", unfinished)
    if unfinished and now - asked_at < min(left, MIN_WAIT_SECONDS):
        await async_sleep(min(left, MIN_WAIT_SECONDS))  # a stopping listener answers at once


def _timeout(error: WaitTimeout, jobs: Sequence[AsyncJob]) -> WaitTimeout:
    """The error of a wait for these jobs. Some of them may have ended."""
    unfinished = [job for job in jobs if not job.data.has_end]
    what = f"{len(jobs)} jobs are" if len(jobs) > 1 else "1 job is"
    text = f"{len(unfinished)} of {what} not final, {unfinished[0].id} for example"
    if error.__cause__:
        text += f"; the last try failed: {error.__cause__}"
    return WaitTimeout(text, unfinished)


def _groups(jobs: Sequence[AsyncJob]) -> list[Sequence[AsyncJob]]:
    """Split the jobs into groups, each small enough for one request."""
    size = requests.PAGE_JOBS
    return [jobs[start : start + size] for start in range(0, len(jobs), size)]
