"""Canceling one job, and who may change it."""

import time
from collections.abc import Mapping
from uuid import UUID

from server.auth.callers import Caller, Role
from server.documents import job_schemas as answers
from server.documents import jobs as wire
from server.http.access_log import log_change
from server.http.problems import Problem
from server.jobs.enqueue import unknown_job
from server.jobs.services import Services
from server.jobs.wait import job_after
from storage.records.states import Status

WAIT_SECONDS = 2.0


async def require_own(services: Services, job_id: UUID, caller: Caller) -> None:
    """Raise Problem 403 if the caller may not change this job, and 404 for none."""
    if caller.role >= Role.ADMIN:
        return
    job = await job_after(services, job_id, 0)
    if not caller.may_change(job.submitted_by):
        detail = f"{caller.name} has not submitted this job: that needs the role admin"
        raise Problem(403, detail)


async def cancel(
    services: Services, job_id: UUID, caller: Caller, headers: Mapping[str, str]
) -> tuple[int, answers.ChangedDocument]:
    """Cancel a job that the caller may change, and wait for the end of its process, for two seconds
    at most. Status and document of the answer. Raises StoreError, Problem 404 and 409."""
    began_at = time.time()
    job = await services.blocking(services.jobs.cancel, job_id, caller.name)
    if job is None:
        raise unknown_job(job_id)
    log_change(caller.name, "cancel", job_id=str(job_id))
    if not job.final:
        job = await job_after(services, job_id, WAIT_SECONDS)
    if job.final and job.status != Status.CANCELED:
        raise Problem(409, f"the job has {job.status} already; it cannot be canceled")
    status = 200 if job.final else 202
    services.traces.change(job, "cancel", status, headers, began_at)
    return status, wire.cancel_document(job)
