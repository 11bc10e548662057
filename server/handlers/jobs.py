"""`/jobs`: submit a job, list jobs."""

from typing import Any

from multipart import parse_options_header
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from server import submission, wire
from server.body import Body, JsonBody, NoBody, content_length
from server.forms import FormBody
from server.handlers.base import Handler
from server.problems import FieldError, Problem, too_large, unacceptable
from server.submission import field_errors
from storage.job import NewJob, Upload
from storage.states import Status
from storage.store import now_ms

FORM_SLACK_BYTES = 64 * 1024


class ListQuery(BaseModel):
    """What a list may be asked for by."""

    model_config = ConfigDict(extra="ignore")

    status: Status | None = None
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = None

    @field_validator("cursor")
    @classmethod
    def _ours(cls, value: str | None) -> str | None:
        if value is not None:
            wire.parse_cursor(value)
        return value


class JobsHandler(Handler):
    """The collection of jobs."""

    ALLOW = "GET, HEAD, OPTIONS, POST"

    def body(self) -> Body:
        """A form or JSON for a new job. Raises Problem 413 or 415."""
        if self.request.method != "POST":
            return NoBody()
        if self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem(415, "an encoded body is not taken; send it without Content-Encoding")
        size = content_length(self.request.headers.get("Content-Length")) or 0
        kind, options = parse_options_header(self.request.headers.get("Content-Type", ""))
        if kind == "application/json":
            return self._json(size)
        if kind == "multipart/form-data":
            return self._form(size, options.get("boundary", ""))
        raise Problem(415, "send application/json or, with a file, multipart/form-data")

    async def post(self) -> None:
        """Store a new job, once it has been checked whole."""
        self.take_body()
        upload: Upload | None = None
        try:
            if isinstance(self.received, FormBody):
                job = await self._read_form(self.received)
                upload = job.upload
            else:
                job = self._read_json()
            job_id = await self.services.enqueuer.enqueue(job)
        except BaseException:
            # Once the file is whole, a failed commit may yet have stored the job that needs it;
            # a file that no job needs is pruned in time.
            if upload is None:
                await self.received.abort()
            raise
        if job_id is None:
            detail = "there is no such job with a file; it may have been deleted"
            raise unacceptable([FieldError("payload.source.job_id", detail)])
        self.set_header("Location", wire.job_path(job_id))
        self.answer(wire.accepted_document(job_id), status=202)

    async def get(self) -> None:
        """List jobs, newest first."""
        query = self._query()
        before = query.cursor and wire.parse_cursor(query.cursor)
        page = await self.services.blocking(
            self.services.jobs.list, query.status, query.limit, before or None
        )
        if page.next:
            self.set_header("Link", wire.next_link(page.next, query.limit, query.status))
        self.answer(wire.page_document(page, query.limit))

    head = get

    def _json(self, size: int) -> JsonBody:
        limit = self.services.settings.max_json_bytes
        if size > limit:
            raise too_large("the body", limit)
        return JsonBody(limit)

    def _form(self, size: int, boundary: str) -> FormBody:
        settings = self.services.settings
        if size > settings.max_upload_bytes + settings.max_json_bytes + FORM_SLACK_BYTES:
            raise too_large("the file", settings.max_upload_bytes)
        return FormBody(
            boundary,
            self.services.store.uploads,
            self.services.blocking,
            max_field=settings.max_json_bytes,
            max_file=settings.max_upload_bytes,
        )

    def _read_json(self) -> NewJob:
        assert isinstance(self.received, JsonBody)
        checked = self._check(self.received.document(), has_file=False)
        return checked.new_job(None, now_ms())

    async def _read_form(self, form: FormBody) -> NewJob:
        form.require_whole()
        document = submission.read_form(form.fields)
        checked = self._check(document, has_file=form.file_name is not None)
        return checked.new_job(await form.finish(), now_ms())

    def _check(self, document: Any, has_file: bool) -> submission.Checked:
        return submission.check(document, has_file, self.services.job_types)

    def _query(self) -> ListQuery:
        given = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        try:
            return ListQuery.model_validate(given)
        except ValidationError as error:
            raise unacceptable(field_errors(error)) from None
