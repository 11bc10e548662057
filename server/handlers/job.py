"""`/jobs/{job_id}`: get, delete, cancel and retry one job."""

from typing import ClassVar
from uuid import UUID

from server.auth.callers import Role
from server.documents.filters import WaitQuery
from server.handlers.base import Handler
from server.handlers.query import wait_seconds
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.jobs import Jobs


class OneJobHandler(Handler):
    """The base class of handlers of one job."""

    jobs: Jobs
    CONDITIONAL = True


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
        self.send_response(await self.jobs.get(parsed_id, seconds))

    head = get

    async def delete(self, job_id: str) -> None:
        """Delete a final job, and its file unless another job uses it."""
        self.require_body()
        parsed_id, headers = parse_job_id(job_id), self.request.headers
        self.send_response(await self.jobs.delete(parsed_id, self.caller, headers))


class CancelHandler(OneJobHandler):
    """The cancel of one job."""

    ROUTE = "/jobs/{job_id}/cancel"
    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Cancel the job; responds when its process has ended, or after two seconds."""
        self.require_body()
        parsed_id, headers = parse_job_id(job_id), self.request.headers
        self.send_response(await self.jobs.cancel(parsed_id, self.caller, headers))


class RetryHandler(OneJobHandler):
    """The retry of a job that failed or was canceled."""

    ROUTE = "/jobs/{job_id}/retry"
    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Queue the job again, with its id and its full number of retries."""
        self.require_body()
        parsed_id, headers = parse_job_id(job_id), self.request.headers
        self.send_response(await self.jobs.retry(parsed_id, self.caller, headers))


def parse_job_id(text: str) -> UUID:
    """Parse the job id in a path. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(Code.JOB_NOT_FOUND, "there is no such job: its id is not a UUID") from None
