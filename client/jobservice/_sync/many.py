# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""Waits for many jobs with few requests: each asks for up to a hundred jobs by their ids."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from jobservice import requests
from jobservice._sync.job import MIN_WAIT_SECONDS, Job
from jobservice._sync.transport import Transport
from jobservice.blocking import sleep
from jobservice.documents import read_job
from jobservice.errors import ApiError, WaitTimeout

FIRST_LOOK_SECONDS = 0.1
LAST_LOOK_SECONDS = 1.0
"""The wait of one request grows to this while no job ends."""


def wait_all(transport: Transport, jobs: Sequence[Job], timeout: float | None) -> list[Job]:
    """Wait until all jobs have ended. Raises WaitTimeout after `timeout` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    for some in _groups(jobs):
        left, seconds = some, 0.0  # the first look finds unknown ids at once
        while left := [job for job in left if not job.data.has_end]:
            try:
                _look(transport, left, seconds, deadline)
            except WaitTimeout as error:
                raise _timeout(error, jobs) from error.__cause__
            seconds = requests.MAX_WAIT_SECONDS
    return list(jobs)


def as_completed(transport: Transport, jobs: Sequence[Job], timeout: float | None) -> Iterator[Job]:
    """Yield each job when it has ended. Raises WaitTimeout after `timeout` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    left, seconds = list(jobs), 0.0
    while left:
        try:
            ended = refresh_all(transport, left, seconds, deadline)
        except WaitTimeout as error:
            raise _timeout(error, jobs) from error.__cause__
        for job in ended:
            yield job
        left = [job for job in left if not job.data.has_end]
        grown = min(LAST_LOOK_SECONDS, max(FIRST_LOOK_SECONDS, 2 * seconds))
        seconds = FIRST_LOOK_SECONDS if ended else grown


def refresh_all(
    transport: Transport, jobs: Sequence[Job], wait: float, deadline: float | None = None
) -> list[Job]:
    """Update all jobs, and return the ended ones. Takes about `wait` seconds if none has ended."""
    groups = _groups(jobs)
    for some in groups:
        _look(transport, some, wait / len(groups), deadline)
    return [job for job in jobs if job.data.has_end]


def _look(transport: Transport, jobs: Sequence[Job], wait: float, deadline: float | None) -> None:
    """Update jobs when all have ended, or after `wait` seconds."""
    asked_at = time.monotonic()
    left = wait if deadline is None else min(wait, deadline - asked_at)
    ids = [job.id for job in jobs]
    try:
        answer = transport.send(requests.get_jobs(ids, left), deadline)
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
        sleep(min(left, MIN_WAIT_SECONDS))  # a stopping listener answers at once


def _timeout(error: WaitTimeout, jobs: Sequence[Job]) -> WaitTimeout:
    """The error of a wait for these jobs. Some of them may have ended."""
    unfinished = [job for job in jobs if not job.data.has_end]
    what = f"{len(jobs)} jobs are" if len(jobs) > 1 else "1 job is"
    text = f"{len(unfinished)} of {what} not final, {unfinished[0].id} for example"
    if error.__cause__:
        text += f"; the last try failed: {error.__cause__}"
    return WaitTimeout(text, unfinished)


def _groups(jobs: Sequence[Job]) -> list[Sequence[Job]]:
    """Split the jobs into groups, each small enough for one request."""
    size = requests.PAGE_JOBS
    return [jobs[start : start + size] for start in range(0, len(jobs), size)]
