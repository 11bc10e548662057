"""`/jobs/{job_id}`: one job, its cancel, its retry and its end."""

import time
from typing import ClassVar
from uuid import UUID

from server.auth.callers import Role
from server.documents import jobs as wire
from server.handlers.base import Handler
from server.handlers.waiting import wait_seconds
from server.http.access_log import log_change
from server.http.problems import Problem
from server.jobs.cancel import cancel, require_own
from server.jobs.enqueue import unknown_job
from server.jobs.wait import job_after
from storage.records.states import FINAL


class OneJob(Handler):
    """What waits for a job, and changes it."""

    async def to_change(self, job_id: str) -> UUID:
        """The job in the path, for a caller who may change it. Raises Problem 403 and 404."""
        self.take_body()
        found = parse_id(job_id)
        await require_own(self.services, found, self.caller)
        return found


class JobHandler(OneJob):
    """One job."""

    ALLOW = "DELETE, GET, HEAD, OPTIONS"
    ROLES: ClassVar = {"DELETE": Role.SUBMIT}

    async def get(self, job_id: str) -> None:
        """The job as it is, or as it is once final: `?wait=30` or `Prefer: wait=30`."""
        found = parse_id(job_id)
        job = await job_after(self.services, found, wait_seconds(self))
        self.set_headers(wire.job_headers(job))
        self.answer(wire.job_document(job))

    head = get

    async def delete(self, job_id: str) -> None:
        """Delete a final job, with its file if no other job has it."""
        found = await self.to_change(job_id)
        status = await self.services.blocking(self.services.delete, found)
        if status is None:
            raise unknown_job(found)
        if status not in FINAL:
            raise Problem(409, f"the job is {status}; cancel it first: POST /jobs/{found}/cancel")
        log_change(self.caller.name, "delete", job_id=str(found))
        self.set_status(204)


class CancelHandler(OneJob):
    """The cancel of a job."""

    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Cancel the job; answered when its process is gone, or after two seconds."""
        found = await self.to_change(job_id)
        status, document = await cancel(self.services, found, self.caller, self.request.headers)
        self.answer(document, status)


class RetryHandler(OneJob):
    """Another try of a job that failed or was canceled."""

    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Queue the job again, under its id and with all its retries."""
        found, began_at = await self.to_change(job_id), time.time()
        self.services.queue.admit()
        retried, job = await self.services.blocking(self.services.jobs.retry, found)
        if job is None:
            raise unknown_job(found)
        if not retried:
            can_be = "only one that failed or was canceled can be retried"
            raise Problem(409, f"the job is {job.status}; {can_be}")
        self.services.traces.change(job, "retry", 202, self.request.headers, began_at)
        log_change(self.caller.name, "retry", job_id=str(found))
        self.set_header("Location", wire.job_path(found))
        self.answer(wire.retry_document(found), status=202)


def parse_id(text: str) -> UUID:
    """The id in a path. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(404, "there is no such job: its id is not a UUID") from None
