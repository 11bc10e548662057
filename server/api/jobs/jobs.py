"""`/jobs`: submit a job, with or without a file, and list jobs: page by page, or by their ids."""

from collections.abc import Callable
from dataclasses import replace

from server.api.jobs.submission import SubmissionHandler
from server.api.openapi.operation import NEW_JOB, SUBMISSION_HEADERS, Operation
from server.api.uploads.file_part import FilePart
from server.api.uploads.form import OVERHEAD_BYTES, FormBody
from server.auth.callers import Role
from server.documents.filters import ListQuery, SetQuery, SubmissionQuery
from server.documents.job_documents import next_link, page_document, set_document
from server.documents.schemas.job_schemas import JobView, PageDocument
from server.handlers.base import Handler
from server.handlers.query import query_parameters, query_wait_seconds, read_query, wait_seconds
from server.http.body import Body, JsonBody, content_length, json_body, media_type
from server.http.codes import Code
from server.http.problems import FieldError, Problem, unacceptable
from server.jobs.admission import Admission
from server.jobs.response import Response
from server.jobs.submissions import Submitted
from server.jobs.validation.received import FILES_PART, Received
from server.jobs.validation.submission import CheckedSubmission
from storage.records.queue_name import DEFAULT_QUEUE


class JobsHandler(SubmissionHandler):
    """The collection of jobs."""

    ROUTE = "/jobs"
    _wait = 0.0
    """How many seconds to wait for the end of the new job."""
    _is_dry_run = False
    _checked: CheckedSubmission | None = None
    """The submission by its fields before the file, if they are enough."""
    _fields_checked = 0

    async def body(self) -> Body:
        """Accept JSON or a form for a new job.

        Raises Problem 400, 409, 413, 415, 422, 503 or 507.
        """
        self._is_dry_run = self._read_dry_run()
        self._wait = 0.0 if self._is_dry_run else wait_seconds(self)
        kind, options = media_type(self.request.headers)
        size = content_length(self.request.headers.get("Content-Length")) or 0
        body: JsonBody | FormBody
        if kind == "application/json":
            body = json_body(self.request.headers, self.MAX_JSON_BYTES)
        elif kind == "multipart/form-data":
            body = self._form_body(size, options.get("boundary", ""))
        else:
            raise Problem(
                Code.MEDIA_TYPE_UNSUPPORTED,
                "send application/json or, with a file, multipart/form-data",
            )
        is_form = isinstance(body, FormBody)
        self.is_timed = not (self._wait or is_form)
        await self.admit(size, is_form, self._is_dry_run, self._least_file_size(size))
        return body

    @Operation(
        "listJobs",
        "jobs",
        {200: PageDocument},
        queries=(ListQuery, SetQuery),
        response_headers={200: ("Link", "Preference-Applied", "Retry-After")},
    )
    async def get(self) -> None:
        """List jobs, or get several jobs by their ids.

        Newest first. With `id`, the response has these jobs, and other parameters than `wait` are
        not allowed; without it, `wait` is not allowed.
        """
        if "id" in self.request.query_arguments:
            await self._send_by_ids()
        else:
            await self._send_page()

    @Operation(
        "submitJob",
        "jobs",
        {200: JobView, 202: JobView},
        role=Role.SUBMIT,
        queries=(SubmissionQuery,),
        body=NEW_JOB,
        problems=(409, 507),
        response_headers={200: SUBMISSION_HEADERS, 202: (*SUBMISSION_HEADERS, "Retry-After")},
        request_headers=("Idempotency-Key", "Traceparent"),
    )
    async def post(self) -> None:
        """Submit a job.

        The status is 202 when the job is stored, and 200 if it became final during the wait. A dry
        run answers 200 with the job as it would be stored, with an id of zeros, and its estimates
        in `dry_run`. A job with a file needs a form: see uploadJob.
        """
        self.require_body()
        assert self.admission
        response: Response
        if isinstance(self.received, FormBody) and self._is_dry_run:
            response = await self._try_form(self.received, self.admission)
        elif isinstance(self.received, FormBody):
            submitted = await self._submit_form(self.received, self.admission)
            response = await self.intake.submissions.accepted(submitted, self._wait)
        else:
            assert isinstance(self.received, JsonBody)
            text = self.received.text()
            response = await self.intake.submissions.submit(
                self.admission, text, self._wait, self._is_dry_run
            )
        self.send_response(response)

    async def _send_page(self) -> None:
        parameters = query_parameters(self, ListQuery.REPEATABLE)
        parameters.pop("wait", None)
        if "status" in parameters:
            parameters["status"] = ",".join(parameters["status"])
        may_wait = bool(parameters.keys() & {"tag", "batch"})
        seconds, errors = _read_wait(self, wait_seconds if may_wait else query_wait_seconds)
        if seconds and not may_wait:
            errors = [FieldError("wait", "it is only allowed together with id, tag or batch")]
        query = read_query(ListQuery, parameters, others=errors)
        view, start_after = query.selected(), query.start_after()
        filters = replace(query.filters(), view=self.caller.view)
        if seconds:
            self.is_timed = False
            if not await self.jobs.wait_for(filters, seconds):
                self.set_header("Retry-After", "1")
        page = await self.jobs.list(filters, query.limit, start_after, view)
        if page.next:
            parameters = query.page_parameters(parameters)
            self.set_header("Link", next_link(self.root_path, parameters, page.next))
        self.send_json(page_document(page, query.limit, view))

    async def _send_by_ids(self) -> None:
        seconds, errors = _read_wait(self, wait_seconds)
        self.is_timed = not seconds
        parameters = query_parameters(self)
        excluded = [name for name in parameters if name not in SetQuery.model_fields]
        errors += [FieldError(name, "it is not allowed together with id") for name in excluded]
        for name in excluded:
            del parameters[name]
        parameters |= {"id": self.get_query_arguments("id"), "wait": seconds}
        query = read_query(SetQuery, parameters, others=errors)
        jobs = await self.jobs.wait_each(query.id, self.caller, query.wait)
        if any(job and not job.final for job in jobs.values()):
            self.set_header("Retry-After", "1")
        self.send_json(set_document(jobs, query.selected()))

    def _least_file_size(self, size: int) -> int:
        """The least size of the file in a form with so many bytes."""
        return max(0, size - self.MAX_JSON_BYTES - OVERHEAD_BYTES)

    def _form_body(self, size: int, boundary: str) -> FormBody:
        self.require_file_size(self._least_file_size(size))
        limits = self.MAX_JSON_BYTES, self.intake.max_upload_bytes
        return FormBody(boundary, *limits, self._open_file, self.offer_buffer)

    async def _open_file(self, delimiter: bytes) -> FilePart:
        """Check the fields that stand before the file, so that a bad one is refused without it."""
        assert isinstance(self.received, FormBody)
        form, self._fields_checked = self.received, len(self.received.fields)
        submissions = self.intake.submissions
        self._checked = await submissions.check(_received(form, is_whole=False), self.caller)
        await submissions.require_queue(form.fields.get("queue", b"").decode() or DEFAULT_QUEUE)
        if self._checked and self.admission:
            await self.intake.submissions.require_possible(self.admission, self._checked)
        return await self.new_file(delimiter, is_kept=not self._is_dry_run)

    def _read_dry_run(self) -> bool:
        """Return whether the request is a dry run. Raises Problem 422."""
        parameters = query_parameters(self)
        waits = parameters.pop("wait", None)
        is_dry_run = read_query(SubmissionQuery, parameters).dry_run
        if is_dry_run and waits is not None:
            raise unacceptable(
                [FieldError("wait", "a dry run has no job to wait for: leave it out")]
            )
        return is_dry_run

    async def _submit_form(self, form: FormBody, admission: Admission) -> Submitted:
        """Store the job of a form and its file, unless the job is stored already."""
        checked = await self._check_form(form)
        if checked.submission.upload:
            submitted = await self.intake.submissions.enqueue_alone(admission, checked)
            admission.release()
            return submitted
        return await self.store(admission, checked, form)

    async def _try_form(self, form: FormBody, admission: Admission) -> Response:
        """Check the job of a form and its file, and estimate when the job would start and end."""
        checked = await self._check_form(form)
        return await self.intake.submissions.dry_run(admission, checked, await form.finish())

    async def _check_form(self, form: FormBody) -> CheckedSubmission:
        try:
            form.require_whole()
            checked = self._checked
            is_new = form.file_part == FILES_PART or len(form.fields) > self._fields_checked
            if checked is None or form.errors or is_new:
                checked = await self.intake.submissions.check(_received(form), self.caller)
                assert checked
        except BaseException:
            await form.abort()
            raise
        return checked


def _received(form: FormBody, is_whole: bool = True) -> Received:
    count = None if not is_whole and form.file_part == FILES_PART else form.file_count
    errors = tuple(form.errors)
    return Received(form.fields, form.file_part, is_whole, errors, file_count=count)


def _read_wait(
    handler: Handler, read: Callable[[Handler], float]
) -> tuple[float, list[FieldError]]:
    """The seconds to wait, and what is wrong with them."""
    try:
        return read(handler), []
    except Problem as problem:
        return 0.0, list(problem.errors)
