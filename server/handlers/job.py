"""`/jobs/{job_id}`: one job, its cancel, its retry and its end."""

import time
from typing import ClassVar
from uuid import UUID

from server import wire
from server.access import log_change
from server.awaiting import job_after
from server.callers import Role
from server.handlers.base import Handler
from server.handlers.waiting import wait_seconds
from server.problems import Problem
from server.storing import unknown_job
from storage.job import Job
from storage.states import FINAL, Status

CANCEL_WAIT_SECONDS = 2.0


class OneJob(Handler):
    """What waits for a job, and changes it."""

    async def to_change(self, job_id: str) -> UUID:
        """The job in the path, for a caller who may change it. Raises Problem 403 and 404."""
        self.take_body()
        found = parse_id(job_id)
        await self._require_mine(found)
        return found

    async def _require_mine(self, job_id: UUID) -> None:
        if self.caller.role >= Role.ADMIN:
            return
        job = await self.services.jobs_by_id.ask(job_id)
        if job is None:
            raise unknown_job(job_id)
        if not self.caller.may_change(job.submitted_by):
            detail = f"{self.caller.name} has not submitted this job: that needs the role admin"
            raise Problem(403, detail)

    async def job_after(self, job_id: UUID, seconds: float) -> Job:
        """The job, once it is final or the time is over. Raises Problem 404."""
        job = await job_after(self.services, job_id, seconds)
        if job is None:
            raise unknown_job(job_id)
        return job


class JobHandler(OneJob):
    """One job."""

    ALLOW = "DELETE, GET, HEAD, OPTIONS"
    ROLES: ClassVar = {"DELETE": Role.SUBMIT}

    async def get(self, job_id: str) -> None:
        """The job as it is, or as it is once final: `?wait=30` or `Prefer: wait=30`."""
        found = parse_id(job_id)
        job = await self.job_after(found, wait_seconds(self))
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
        found, began_at = await self.to_change(job_id), time.time()
        caller = self.caller.name
        job = await self.services.blocking(self.services.jobs.cancel, found, caller)
        if job is None:
            raise unknown_job(found)
        log_change(caller, "cancel", job_id=str(found))
        if not job.final:
            job = await self.job_after(found, CANCEL_WAIT_SECONDS)
        if job.final and job.status != Status.CANCELED:
            raise Problem(409, f"the job has {job.status} already; it cannot be canceled")
        status = 200 if job.final else 202
        self.services.traces.change(job, "cancel", status, self.request.headers, began_at)
        self.answer(wire.cancel_document(job), status)


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
