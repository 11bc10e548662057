"""What the fast path answers by itself."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tornado.httputil import HTTPHeaders

from server.auth.callers import Caller
from server.documents.filters import MAX_WAIT_SECONDS
from server.documents.jobs import job_document, job_headers
from server.http import strict_json
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
    """Status, document, and headers beside the usual ones."""

    status: int
    document: Any
    headers: dict[str, str] = field(default_factory=dict)


Call = Callable[[bytes, Caller], Awaitable[FastResponse]]
"""Takes the body, and who asks. Raises what problem_of knows."""


def job_in(path: str) -> tuple[UUID, float] | None:
    """The job that a path names in full, and how many seconds to wait for it, if its query says
    nothing else; None for any other path."""
    found = _JOB.fullmatch(path)
    seconds = _seconds_in(found)
    return None if found is None or seconds is None else (UUID(found[1]), seconds)


def canceled_in(path: str) -> UUID | None:
    """The job that is to be canceled; None for any other path."""
    found = _CANCEL.fullmatch(path)
    return None if found is None else UUID(found[1])


def jobs_in(path: str) -> float | None:
    """How many seconds to wait for a new job; None for any path but that of all jobs."""
    return _seconds_in(_JOBS.fullmatch(path))


def _seconds_in(found: re.Match[str] | None) -> float | None:
    """How many a path asks for; None where it has not matched, or they are too many."""
    seconds = float(found["wait"] or 0) if found else None
    return None if seconds is None or seconds > MAX_WAIT_SECONDS else seconds


def submit(services: Services, headers: HTTPHeaders, seconds: float) -> Call:
    """POST /jobs with JSON."""

    async def call(body: bytes, caller: Caller) -> FastResponse:
        trace = services.request_spans.submission(headers)
        services.disk_watermark.admit(len(body))
        services.queue_watermark.admit()
        document = strict_json.parse(body)
        checked = services.check_submission(document, has_file=False)
        job = checked.new_job(None, caller.name, trace.traceparent if trace else None)
        job_id = await enqueue_job(services, job)
        if trace:
            trace.accepted(job)
        log_change(caller.name, "submit", job_id=str(job_id))
        return FastResponse(*await submission_response(services, job_id, seconds))

    return call


def get_job(services: Services, job_id: UUID, seconds: float) -> Call:
    """GET /jobs/ID."""

    async def call(_: bytes, caller: Caller) -> FastResponse:
        job = await wait_for_job(services, job_id, seconds)
        return FastResponse(200, job_document(job), job_headers(job))

    return call


def cancel_job(services: Services, headers: HTTPHeaders, job_id: UUID) -> Call:
    """POST /jobs/ID/cancel."""

    async def call(_: bytes, caller: Caller) -> FastResponse:
        await require_may_change(services, job_id, caller)
        return FastResponse(*await cancel(services, job_id, caller, headers))

    return call
