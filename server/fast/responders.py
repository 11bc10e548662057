"""The responders of the fast path: the paths that it serves, and a function that answers each."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tornado.httputil import HTTPHeaders

from server.auth.callers import Caller
from server.checking.submission import Received
from server.documents.filters import MAX_WAIT_SECONDS
from server.documents.jobs import job_document, job_headers
from server.http.access_log import log_change
from server.jobs.cancel import cancel, require_may_change
from server.jobs.enqueue import enqueue_job
from server.jobs.services import Services
from server.jobs.wait import submission_response, wait_for_job

_WAIT = r"(?:\?wait=(?P<wait>[0-9]{1,2}))?"
_JOBS = re.compile("/jobs" + _WAIT)
_ID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_JOB = re.compile("/jobs/" + _ID + _WAIT)
_CANCEL = re.compile(f"/jobs/{_ID}/cancel")


@dataclass(frozen=True)
class FastResponse:
    """Status and document of a response, and its headers beyond the default ones."""

    status: int
    document: Any
    headers: dict[str, str] = field(default_factory=dict)


Responder = Callable[[bytes, Caller], Awaitable[FastResponse]]
"""Answers a request: takes its body and its caller. Raises exceptions that `problem_of` maps."""


def parse_job_path(path: str) -> tuple[UUID, float] | None:
    """Parse `/jobs/ID` or `/jobs/ID?wait=SECONDS` into the id and the seconds to wait.

    None for any other path or query, and for more than MAX_WAIT_SECONDS.
    """
    match = _JOB.fullmatch(path)
    seconds = _wait_seconds(match)
    return None if match is None or seconds is None else (UUID(match[1]), seconds)


def parse_cancel_path(path: str) -> UUID | None:
    """Parse `/jobs/ID/cancel` into the id. None for any other path."""
    match = _CANCEL.fullmatch(path)
    return None if match is None else UUID(match[1])


def parse_jobs_path(path: str) -> float | None:
    """Parse `/jobs` or `/jobs?wait=SECONDS` into the seconds to wait. None for any other path."""
    return _wait_seconds(_JOBS.fullmatch(path))


def _wait_seconds(match: re.Match[str] | None) -> float | None:
    """The seconds to wait, 0 without a query. None without a match, or if they are too many."""
    seconds = float(match["wait"] or 0) if match else None
    return None if seconds is None or seconds > MAX_WAIT_SECONDS else seconds


def submit(services: Services, headers: HTTPHeaders, seconds: float) -> Responder:
    """Return the responder to POST /jobs with a JSON body.

    It waits up to `seconds` for the job's end.
    """

    async def respond(body: bytes, caller: Caller) -> FastResponse:
        trace = services.request_spans.submission(headers)
        services.disk_watermark.admit(len(body))
        services.queue_watermark.admit()
        checked = await services.check_submission(Received(body))
        job = checked.new_job(None, caller.name, trace.traceparent if trace else None)
        job_id = await enqueue_job(services, job)
        if trace:
            trace.accepted(job)
        log_change(caller.name, "submit", job_id=str(job_id))
        return FastResponse(*await submission_response(services, job_id, seconds))

    return respond


def get_job(services: Services, job_id: UUID, seconds: float) -> Responder:
    """Return the responder to GET /jobs/ID. It waits up to `seconds` for the job's end."""

    async def respond(_: bytes, caller: Caller) -> FastResponse:
        job = await wait_for_job(services, job_id, seconds)
        return FastResponse(200, job_document(job), job_headers(job))

    return respond


def cancel_job(services: Services, headers: HTTPHeaders, job_id: UUID) -> Responder:
    """Return the responder to POST /jobs/ID/cancel."""

    async def respond(_: bytes, caller: Caller) -> FastResponse:
        await require_may_change(services, job_id, caller)
        return FastResponse(*await cancel(services, job_id, caller, headers))

    return respond
