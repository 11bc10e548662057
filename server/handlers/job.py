"""`/jobs/{job_id}`: get, delete, cancel and retry one job."""

import time
from typing import ClassVar
from uuid import UUID

from server.auth.callers import Role
from server.documents.filters import WaitQuery
from server.documents.jobs import job_document, job_headers, job_path, retry_document
from server.handlers.base import Handler
from server.handlers.query import wait_seconds
from server.http.access_log import log_change
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.cancel import cancel, require_may_change
from server.jobs.conditions import job_check
from server.jobs.enqueue import job_not_found
from server.jobs.wait import wait_for_job
from storage.records.states import FINAL, REQUEUE, Status


class OneJobHandler(Handler):
    """The base class of handlers that change one job."""

    CONDITIONAL = True

    async def id_to_change(self, job_id: str) -> UUID:
        """Parse the id of a job that the caller may change. Raises Problem 403 and 404."""
        self.require_body()
        parsed_id = parse_job_id(job_id)
        await require_may_change(self.services, parsed_id, self.caller)
        return parsed_id


class JobHandler(OneJobHandler):
    """One job."""

    ROUTE = "/jobs/{job_id}"
    ALLOW = "DELETE, GET, HEAD, OPTIONS"
    ROLES: ClassVar = {"DELETE": Role.SUBMIT}
    QUERIES: ClassVar = {"GET": (WaitQuery,)}

    async def get(self, job_id: str) -> None:
        """Send the job, after waiting for its end with `?wait=30` or `Prefer: wait=30`."""
        parsed_id = parse_job_id(job_id)
        seconds = wait_seconds(self)
        self.is_timed = not seconds
        job = await wait_for_job(self.services, parsed_id, seconds)
        self.set_headers(job_headers(job))
        self.send_json(job_document(job))

    head = get

    async def delete(self, job_id: str) -> None:
        """Delete a final job, and its file unless another job uses it."""
        parsed_id = await self.id_to_change(job_id)
        check = job_check(self.request.headers, FINAL)
        status = await self.services.run_in_thread(self.services.delete_job, parsed_id, check)
        if status is None:
            raise job_not_found(parsed_id)
        if status not in FINAL:
            how = f"cancel it first: POST /jobs/{parsed_id}/cancel"
            raise Problem(status_code(status), f"the job is {status}; {how}")
        log_change(self.caller.name, "delete", job_id=str(parsed_id))
        self.set_status(204)


class CancelHandler(OneJobHandler):
    """The cancel of one job."""

    ROUTE = "/jobs/{job_id}/cancel"
    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Cancel the job; responds when its process has ended, or after two seconds."""
        parsed_id = await self.id_to_change(job_id)
        status, document = await cancel(self.services, parsed_id, self.caller, self.request.headers)
        self.send_json(document, status)


class RetryHandler(OneJobHandler):
    """The retry of a job that failed or was canceled."""

    ROUTE = "/jobs/{job_id}/retry"
    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Queue the job again, with its id and its full number of retries."""
        parsed_id, began_at = await self.id_to_change(job_id), time.time()
        self.services.queue_watermark.admit()
        check = job_check(self.request.headers, REQUEUE.sources)
        retry = self.services.jobs.retry
        retried, job = await self.services.run_in_thread(retry, parsed_id, check)
        if job is None:
            raise job_not_found(parsed_id)
        if not retried:
            allowed = "only a job that failed or was canceled can be retried"
            raise Problem(status_code(job.status), f"the job is {job.status}; {allowed}")
        self.services.request_spans.job_changed(job, "retry", 202, self.request.headers, began_at)
        log_change(self.caller.name, "retry", job_id=str(parsed_id))
        self.set_header("Location", job_path(parsed_id))
        self.send_json(retry_document(parsed_id), status=202)


def status_code(status: Status) -> Code:
    """The code of a problem whose cause is the status of a job, such as job_running."""
    return Code[f"JOB_{status.upper()}"]


def parse_job_id(text: str) -> UUID:
    """Parse the job id in a path. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(Code.JOB_NOT_FOUND, "there is no such job: its id is not a UUID") from None
