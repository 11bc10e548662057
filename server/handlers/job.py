"""`/jobs/{job_id}`: one job, and its cancel."""

import time
from uuid import UUID

from tornado.httputil import HTTPHeaders

from server import wire
from server.handlers.base import Handler
from server.problems import FieldError, Problem, unacceptable
from storage.job import Job
from storage.states import Status

CANCEL_WAIT_SECONDS = 2.0
MAX_WAIT_SECONDS = 60.0


class JobHandler(Handler):
    """One job."""

    async def get(self, job_id: str) -> None:
        """The job as it is, or as it is once final: `?wait=30` or `Prefer: wait=30`."""
        found = _parse_id(job_id)
        job = await self._job_after(found, self._wait_seconds())
        if not job.final:
            self.set_header("Retry-After", "1")
        self.answer(wire.job_document(job))

    head = get

    async def _job_after(self, job_id: UUID, seconds: float) -> Job:
        """The job, once it is final or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            ticket = self.services.changes.ticket()
            job = await self.services.blocking(self.services.jobs.get, job_id)
            left = deadline - time.monotonic()
            if job is None:
                raise _unknown(job_id)
            if job.final or left <= 0 or self.services.stopping:
                return job
            await self.services.changes.after(ticket, left)

    def _wait_seconds(self) -> float:
        text = self.get_query_argument("wait", None) or _preferred(self.request.headers)
        try:
            seconds = 0.0 if text is None else float(text)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= MAX_WAIT_SECONDS:
            allowed = f"seconds from 0 to {MAX_WAIT_SECONDS:.0f}"
            raise unacceptable([FieldError("wait", f"it must be {allowed}")])
        return seconds


class CancelHandler(JobHandler):
    """The cancel of a job."""

    ALLOW = "OPTIONS, POST"

    async def post(self, job_id: str) -> None:
        """Cancel the job; answered when its process is gone, or after two seconds."""
        self.take_body()
        found = _parse_id(job_id)
        job = await self.services.blocking(self.services.jobs.cancel, found)
        if job is None:
            raise _unknown(found)
        if not job.final:
            job = await self._job_after(found, CANCEL_WAIT_SECONDS)
        if job.final and job.status != Status.CANCELED:
            raise Problem(409, f"the job has {job.status} already; it cannot be canceled")
        self.answer(wire.cancel_document(job), status=200 if job.final else 202)

    async def get(self, job_id: str) -> None:
        """Not supported: a cancel is a POST."""
        raise Problem(405, "to cancel the job, send POST")

    head = get


def _preferred(headers: HTTPHeaders) -> str | None:
    """The wait of a Prefer header (RFC 7240)."""
    preferences = headers.get("Prefer", "").split(",")
    pairs = [preference.strip().partition("=") for preference in preferences]
    return next((value.strip() for name, _, value in pairs if name.strip() == "wait"), None)


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem(404, "there is no such job: its id is not a UUID") from None


def _unknown(job_id: UUID) -> Problem:
    return Problem(404, f"there is no job {job_id}; it may have been deleted after its retention")
