"""`/analyze`: analyzes the file in the body, and answers with the result: a job in one request."""

from dataclasses import replace
from uuid import UUID

from tornado.httputil import HTTPHeaders

from server.api.analyses.analyses import compared_id, comparison
from server.api.analyses.queries import ComparisonQuery
from server.api.analyses.text_comparison import comparison_lines, not_compared_line
from server.api.analyses.text_report import analysis_report
from server.api.jobs.submission import SubmissionHandler
from server.api.openapi.operation import FILE, SUBMISSION_HEADERS, Operation
from server.api.uploads.file_body import FileBody
from server.auth.callers import Role
from server.documents.file_queries import display_name
from server.documents.filters import MAX_WAIT_SECONDS
from server.documents.schemas.job_schemas import JobView
from server.handlers.query import wait_seconds
from server.http.body import Body, content_length, media_type
from server.http.codes import Code
from server.http.negotiation import prefers_json
from server.http.problems import FieldError, Problem, unacceptable
from server.jobs.response import Response
from server.jobs.validation.analysis_query import AnalysisQuery, analysis_submission, at_parameters
from server.jobs.validation.submission import CheckedSubmission
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import Status

CODINGS = ("gzip", "x-gzip", "zstd")
"""The content codings that the analysis decodes by itself."""


_ANALYSIS = Operation(
    "analyzeNamedFile",
    "jobs",
    {200: ("text/plain", JobView), 202: ("text/plain", JobView), 424: "text/plain"},
    role=Role.SUBMIT,
    queries=(AnalysisQuery,),
    body=FILE,
    problems=(409, 507),
    response_headers={
        200: SUBMISSION_HEADERS,
        202: (*SUBMISSION_HEADERS, "Retry-After"),
        424: SUBMISSION_HEADERS,
    },
    request_headers=("Idempotency-Key", "Traceparent"),
    summary="Analyze the file that is the body",
    description="Submits a job of the type analyze, and waits. The response is a table in text or,"
    " with `Accept: application/json`, the job. For a job that did not succeed, the status of the"
    " text is 424.",
)


class NamedAnalysisHandler(SubmissionHandler):
    """The analysis of a file whose name is in the path."""

    ROUTE = "/analyze/{name}"
    is_timed = False
    _wait = 0.0
    """How many seconds to wait for the end of the job."""
    _checked: CheckedSubmission | None = None

    async def body(self) -> Body:
        """Accept a file. All that is wrong with the query is refused before the file arrives.

        Raises Problem 400, 409, 413, 415, 422, 503 or 507.
        """
        self._wait = wait_seconds(self, default=MAX_WAIT_SECONDS)
        headers = self.request.headers
        _require_file(headers)
        size = content_length(headers.get("Content-Length")) or 0
        self.require_file_size(size)
        await self.admit(size, has_file=True, file_size=size)
        name = self._file_name()
        self._checked = await self._check()
        return FileBody(name, self.new_file, self.offer_buffer)

    @_ANALYSIS
    async def put(self, *args: str) -> None:
        """Store the file and its job, wait for its end, and send the result as text or as JSON."""
        self.require_body()
        assert isinstance(self.received, FileBody)
        assert self.admission
        assert self._checked
        submitted = await self.store(self.admission, self._checked, self.received)
        response = await self.intake.submissions.accepted(submitted, self._wait)
        self.add_header("Vary", "Accept")
        if prefers_json(self.request.headers.get("Accept", "")):
            self.send_response(response)
        else:
            self._send_report(response, await self._changes(response))

    async def _check(self) -> CheckedSubmission:
        arguments = self.request.query_arguments
        submission = analysis_submission(arguments)
        try:
            checked = await self.intake.submissions.check(submission, self.caller)
            assert checked
            await self.intake.submissions.require_queue(checked.submission.queue or DEFAULT_QUEUE)
        except Problem as problem:
            if not problem.errors:
                raise
            raise at_parameters(problem, arguments) from None
        return checked

    def _file_name(self) -> str:
        values = [each.decode(errors="replace") for each in self._given_names()]
        if len(values) > 1:
            raise unacceptable([FieldError("name", "the path names the file already", "repeated")])
        return display_name(values[0] if values else "")

    def _given_names(self) -> list[bytes]:
        in_path = [each.encode() for each in self.path_args if each]
        return [*in_path, *self.request.query_arguments.get("name", [])]

    async def _changes(self, response: Response) -> list[str]:
        """The lines of the report about a comparison with an earlier job, if there is one.

        The earlier job may be gone, or may have failed; then they tell why there is none.
        """
        if response.document["status"] != Status.SUCCEEDED:
            return []
        job_id = UUID(response.document["job_id"])
        job = (await self.jobs.wait_each([job_id], self.caller, 0))[job_id]
        before_id = compared_id(job) if job else None
        if job is None or before_id is None:
            return []
        try:
            compared = await comparison(
                self.jobs, self.caller, job, before_id, ComparisonQuery.model_validate({})
            )
        except Problem as problem:
            errors = [each.detail for each in problem.errors]
            return [not_compared_line(str(before_id), "; ".join(errors) or problem.detail)]
        return list(comparison_lines(compared))

    def _send_report(self, response: Response, changes: list[str]) -> None:
        base_url = f"{self.request.protocol}://{self.request.host}"
        status, text = analysis_report(response.document, base_url, changes)
        self.set_headers(response.headers)
        self.set_status(status)
        self.send_content(text.encode(), "text/plain; charset=utf-8")


class AnalysisHandler(NamedAnalysisHandler):
    """The analysis of a file."""

    ROUTE = "/analyze"

    @replace(_ANALYSIS, id="analyzeFile")
    async def put(self, *args: str) -> None:
        """Do the same as with a name."""
        await super().put()

    @replace(_ANALYSIS, id="analyze")
    async def post(self) -> None:
        """Do the same as PUT."""
        await self.put()


def _require_file(headers: HTTPHeaders) -> None:
    """Raise Problem 415 for a form, and for a coding that the analysis cannot decode."""
    if media_type(headers, *CODINGS)[0] == "multipart/form-data":
        detail = "send the file itself, as `curl --data-binary @FILE` does, or the form to /jobs"
        raise Problem(Code.MEDIA_TYPE_UNSUPPORTED, detail)
