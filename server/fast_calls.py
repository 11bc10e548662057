"""What the fast path answers by itself."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tornado.httputil import HTTPHeaders

from server import strict_json, wire
from server.access import log_change
from server.callers import Caller
from server.services import Services
from server.storing import store_job, unknown_job

_JOB = re.compile(r"/jobs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True)
class Answer:
    """Status, document, and headers beside the usual ones."""

    status: int
    document: Any
    headers: dict[str, str] = field(default_factory=dict)


Call = Callable[[bytes, Caller], Awaitable[Answer]]
"""Takes the body, and who asks. Raises what problem_of knows."""


def job_in(path: str) -> UUID | None:
    """The job that a path names in full, without a query; None for any other path."""
    found = _JOB.fullmatch(path)
    return UUID(found[1]) if found else None


def submit(services: Services, headers: HTTPHeaders) -> Call:
    """POST /jobs with JSON."""
    trace = services.traces.submission(headers)

    async def call(body: bytes, caller: Caller) -> Answer:
        services.disk.admit(len(body))
        services.queue.admit()
        document = strict_json.parse(body)
        checked = services.check(document, has_file=False)
        job = checked.new_job(None, caller.name, trace.traceparent if trace else None)
        job_id = await store_job(services, job)
        if trace:
            trace.accepted(job)
        log_change(caller.name, "submit", job_id=str(job_id))
        return Answer(202, wire.accepted_document(job_id), {"Location": wire.job_path(job_id)})

    return call


def get_job(services: Services, job_id: UUID) -> Call:
    """GET /jobs/ID, as the job is now."""

    async def call(_: bytes, caller: Caller) -> Answer:
        job = await services.jobs_by_id.ask(job_id)
        if job is None:
            raise unknown_job(job_id)
        return Answer(200, wire.job_document(job), wire.job_headers(job))

    return call
