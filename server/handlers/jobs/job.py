"""`/jobs/{job_id}`: get, delete, cancel and retry one job, and read its output."""

from typing import ClassVar
from uuid import UUID

from server.auth.callers import Role
from server.documents.field_errors import read_document
from server.documents.filters import ViewQuery, WaitQuery
from server.documents.options.job_options import JobChanges
from server.events.documents import LogsQuery, output_document, output_lines, output_text
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query, wait_seconds
from server.http.body import JSON_LINES, MERGE_PATCH, Body, JsonBody, json_body
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.jobs import Jobs
from server.store.threads import StoreThreads
from storage.jobs.events import Events

MAX_CHANGES_BYTES = 16 * 1024


class OneJobHandler(Handler):
    """The base class of handlers of one job."""

    LIMITED = True
    jobs: Jobs
    CONDITIONAL = True


class JobHandler(OneJobHandler):
    """One job."""

    ROUTE = "/jobs/{job_id}"
    ALLOW = "DELETE, GET, HEAD, OPTIONS, PATCH"
    ROLES: ClassVar = {"DELETE": Role.SUBMIT, "PATCH": Role.SUBMIT}
    QUERIES: ClassVar = {"GET": (WaitQuery, ViewQuery)}

    async def get(self, job_id: str) -> None:
        """Send the job, after waiting for its end with `?wait=30` or `Prefer: wait=30`."""
        parsed_id = parse_job_id(job_id)
        parameters = query_parameters(self)
        parameters.pop("wait", None)
        view = read_query(ViewQuery, parameters).selected()
        seconds = wait_seconds(self)
        self.is_timed = not seconds
        self.send_response(await self.jobs.get(parsed_id, self.caller, seconds, view))

    head = get

    async def body(self) -> Body:
        """Accept JSON for PATCH. Raises Problem 413 or 415."""
        if self.request.method != "PATCH":
            return await super().body()
        return json_body(self.request.headers, MAX_CHANGES_BYTES, MERGE_PATCH)

    def options(self, *args: str) -> None:
        """Send the supported methods, and the media types of PATCH (RFC 5789)."""
        super().options(*args)
        self.set_header("Accept-Patch", f"application/json, {MERGE_PATCH}")

    async def patch(self, job_id: str) -> None:
        """Change options of the job while it is queued."""
        self.require_body()
        assert isinstance(self.received, JsonBody)
        changes = read_document(JobChanges, self.received.document())
        parsed_id = parse_job_id(job_id)
        self.send_response(await self.jobs.change(parsed_id, changes, self.caller, self.conditions))

    async def delete(self, job_id: str) -> None:
        """Delete a final job, and its file unless another job uses it."""
        self.require_body()
        response = await self.jobs.delete(parse_job_id(job_id), self.caller, self.conditions)
        self.send_response(response)


class CancelHandler(OneJobHandler):
    """The cancel of one job."""

    ROUTE = "/jobs/{job_id}/cancel"
    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Cancel the job; responds when its process has ended, or after two seconds."""
        self.require_body()
        parsed_id, headers = parse_job_id(job_id), self.request.headers
        response = await self.jobs.cancel(parsed_id, self.caller, headers, self.conditions)
        self.send_response(response)


class RetryHandler(OneJobHandler):
    """The retry of a job that failed or was canceled."""

    ROUTE = "/jobs/{job_id}/retry"
    ALLOW = "OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}

    async def post(self, job_id: str) -> None:
        """Queue the job again, with its id and its full number of retries."""
        self.require_body()
        parsed_id, headers = parse_job_id(job_id), self.request.headers
        response = await self.jobs.retry(parsed_id, self.caller, headers, self.conditions)
        self.send_response(response)


class OutputHandler(OneJobHandler):
    """The output of one attempt of a job."""

    events: Events
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/logs"
    QUERIES: ClassVar = {"GET": (LogsQuery,)}

    async def get(self, job_id: str) -> None:
        """Send the output of the newest or a given attempt, as text or, if accepted, as JSON or as
        JSON Lines."""
        parsed_id, query = parse_job_id(job_id), read_query(LogsQuery, query_parameters(self))
        job = await self.jobs.wait(parsed_id, self.caller)
        attempt = query.attempt or job.attempt
        if attempt > job.attempt:
            raise Problem(Code.ATTEMPT_NOT_FOUND, f"the job has no attempt {attempt} yet")
        read = self.events.outputs.of_attempt
        self.add_header("Vary", "Accept")
        accepted = self.request.headers.get("Accept", "")
        if any(kind in accepted for kind in JSON_LINES):
            lines = await self.threads.run(
                lambda: output_lines(read(parsed_id, attempt), query.selected)
            )
            self._send_attachment(f"{parsed_id}-{attempt}.jsonl", lines, "application/jsonl")
        elif "application/json" in accepted:
            document = await self.threads.run(
                lambda: output_document(
                    parsed_id, attempt, read(parsed_id, attempt), query.selected
                )
            )
            self.send_json(document)
        else:
            text = await self.threads.run(
                lambda: output_text(read(parsed_id, attempt), query.selected)
            )
            self._send_attachment(f"{parsed_id}-{attempt}.log", text, "text/plain")

    head = get

    def _send_attachment(self, name: str, content: bytes, kind: str) -> None:
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.send_content(content, f"{kind}; charset=utf-8")


def parse_job_id(text: str) -> UUID:
    """Parse the job id in a path. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(Code.JOB_NOT_FOUND, "there is no such job: its id is not a UUID") from None
