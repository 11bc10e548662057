"""Cancels one job, and checks whether a caller may change it."""

import time
from collections.abc import Mapping
from uuid import UUID

from server.auth.callers import Caller, Role
from server.documents.jobs import cancel_document
from server.documents.schemas import ChangedDocument
from server.http.access_log import log_change
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.conditions import job_check
from server.jobs.enqueue import job_not_found
from server.jobs.services import Services
from server.jobs.wait import wait_for_job
from storage.records.states import CANCEL, REQUEST_CANCEL, Status

WAIT_SECONDS = 2.0
"""How long a cancel waits for the end of the job's process before it answers 202."""
_CANCELABLE = CANCEL.sources | REQUEST_CANCEL.sources | {Status.CANCELED}
"""Statuses in which a cancel is not refused."""


async def require_may_change(services: Services, job_id: UUID, caller: Caller) -> None:
    """Raise Problem 403 if the caller may not change this job, or Problem 404 if it does not exist.

    An admin may change any job; for an admin, the job is not looked up.
    """
    if caller.role >= Role.ADMIN:
        return
    job = await wait_for_job(services, job_id, 0)
    if not caller.may_change(job.submitted_by):
        detail = f"{caller.name} has not submitted this job: changing it needs the role admin"
        raise Problem(Code.NOT_YOUR_JOB, detail)


async def cancel(
    services: Services, job_id: UUID, caller: Caller, headers: Mapping[str, str]
) -> tuple[int, ChangedDocument]:
    """Cancel a job, and wait up to WAIT_SECONDS for the end of its process.

    Returns the status and the document of the response: 200 if the job is canceled, 202 if its
    process may still be running. Does not check whether the caller may change the job. Raises
    StoreError, Problem 404, Problem 409 if the job ended before it could be canceled, and Problem
    400 or 412 for the conditions of the request.
    """
    began_at, check = time.time(), job_check(headers, _CANCELABLE)
    job = await services.run_in_thread(services.jobs.cancel, job_id, caller.name, check)
    if job is None:
        raise job_not_found(job_id)
    log_change(caller.name, "cancel", job_id=str(job_id))
    if not job.final:
        job = await wait_for_job(services, job_id, WAIT_SECONDS)
    if job.final and job.status != Status.CANCELED:
        detail = f"the job has already {job.status}; it cannot be canceled"
        raise Problem(Code.JOB_ENDED, detail)
    status = 200 if job.final else 202
    services.request_spans.job_changed(job, "cancel", status, headers, began_at)
    return status, cancel_document(job)
