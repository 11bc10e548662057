"""`/jobs/{job_id}`: get, delete, cancel and retry one job, and read its output."""

from uuid import UUID

from server.api.openapi.operation import Operation
from server.auth.callers import Role
from server.documents.field_errors import read_document
from server.documents.filters import CancelQuery, RetryQuery, ViewQuery, WaitQuery
from server.documents.options.job_options import JobChanges
from server.documents.schemas.file_schemas import LogsDocument
from server.documents.schemas.job_schemas import ChangedDocument, JobView
from server.events.documents import LogsQuery, output_document, output_lines, output_text
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query, wait_seconds
from server.http.body import JSON_LINES, MERGE_PATCH, Body, json_body
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

    @Operation(
        "getJob",
        "jobs",
        {200: JobView},
        queries=(WaitQuery, ViewQuery),
        response_headers={200: ("Preference-Applied", "Retry-After")},
    )
    async def get(self, job_id: str) -> None:
        """Get a job.

        With a wait, the response comes once the job is final. The status is 200 also if the job has
        failed.
        """
        parsed_id = parse_job_id(job_id)
        parameters = query_parameters(self)
        parameters.pop("wait", None)
        view = read_query(ViewQuery, parameters).selected()
        seconds = wait_seconds(self)
        self.is_timed = not seconds
        self.send_response(await self.jobs.get(parsed_id, self.caller, seconds, view))

    async def body(self) -> Body:
        """Accept JSON for PATCH. Raises Problem 413 or 415."""
        if self.request.method != "PATCH":
            return await super().body()
        return json_body(self.request.headers, MAX_CHANGES_BYTES, MERGE_PATCH)

    def options(self, *args: str) -> None:
        """Send the supported methods, and the media types of PATCH (RFC 5789)."""
        super().options(*args)
        self.set_header("Accept-Patch", f"application/json, {MERGE_PATCH}")

    @Operation(
        "changeJob",
        "jobs",
        {200: JobView},
        role=Role.SUBMIT,
        is_own=True,
        body=JobChanges,
        problems=(409,),
        response_headers={200: ("Retry-After",)},
    )
    async def patch(self, job_id: str) -> None:
        """Change a queued job.

        Absent options stay unchanged. With the job's ETag in If-Match, the change is made only if
        nobody has changed the job since.
        """
        changes = read_document(JobChanges, self.json_document())
        parsed_id = parse_job_id(job_id)
        self.send_response(await self.jobs.change(parsed_id, changes, self.caller, self.conditions))

    @Operation("deleteJob", "jobs", {204: None}, role=Role.SUBMIT, is_own=True, problems=(409,))
    async def delete(self, job_id: str) -> None:
        """Delete a final job.

        Its file is deleted, too, unless another job uses it.
        """
        self.require_body()
        response = await self.jobs.delete(parse_job_id(job_id), self.caller, self.conditions)
        self.send_response(response)


class CancelHandler(OneJobHandler):
    """The cancel of one job."""

    ROUTE = "/jobs/{job_id}/cancel"

    @Operation(
        "cancelJob",
        "jobs",
        {200: ChangedDocument, 202: ChangedDocument},
        role=Role.SUBMIT,
        is_own=True,
        queries=(CancelQuery,),
        problems=(409,),
    )
    async def post(self, job_id: str) -> None:
        """Cancel a job.

        The status is 200 if the job's process has ended, and 202 if it may still be running after
        two seconds. Waiting jobs that need its success are canceled, too.
        """
        self.require_body()
        parsed_id, headers = parse_job_id(job_id), self.request.headers
        if read_query(CancelQuery, query_parameters(self)).dry_run:
            self.send_response(await self.jobs.preview_cancel(parsed_id, self.caller))
            return
        response = await self.jobs.cancel(parsed_id, self.caller, headers, self.conditions)
        self.send_response(response)


class RetryHandler(OneJobHandler):
    """The retry of a job that failed or was canceled."""

    ROUTE = "/jobs/{job_id}/retry"

    @Operation(
        "retryJob",
        "jobs",
        {202: ChangedDocument},
        role=Role.SUBMIT,
        is_own=True,
        queries=(RetryQuery,),
        problems=(409,),
        response_headers={202: ("Location",)},
    )
    async def post(self, job_id: str) -> None:
        """Queue a failed or canceled job again.

        The job keeps its id and its attempts, and may use all of its retries again. It waits again
        for the jobs in its `after`, and is refused if one of these has to be retried first. With
        `downstream`, it need not have failed: jobs that follow it may have to be retried alone.
        """
        self.require_body()
        query = read_query(RetryQuery, query_parameters(self))
        parsed_id, headers = parse_job_id(job_id), self.request.headers
        response = await self.jobs.retry(
            parsed_id, self.caller, headers, self.conditions, query.downstream
        )
        self.send_response(response)


class OutputHandler(OneJobHandler):
    """The output of one attempt of a job."""

    events: Events
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/logs"

    @Operation(
        "getJobLogs",
        "events",
        {200: ("text/plain", LogsDocument, "application/jsonl")},
        queries=(LogsQuery,),
    )
    async def get(self, job_id: str) -> None:
        """The output of an attempt.

        As text, as JSON with `Accept: application/json`, or with `Accept: application/jsonl` as
        JSON Lines, one log entry on each line.
        """
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

    def _send_attachment(self, name: str, content: bytes, kind: str) -> None:
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.send_content(content, f"{kind}; charset=utf-8")


def parse_job_id(text: str) -> UUID:
    """Parse the job id in a path. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(Code.JOB_NOT_FOUND, "there is no such job: its id is not a UUID") from None
