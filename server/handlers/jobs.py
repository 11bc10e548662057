"""`/jobs`: submit a job, with or without a file. Lists are in `server.handlers.lists`."""

from typing import Any, ClassVar
from uuid import UUID

from server.auth.callers import Role
from server.checking.submission import CheckedSubmission, Received
from server.documents.filters import ListQuery, SetQuery, WaitQuery
from server.handlers.lists import ListHandler
from server.handlers.query import wait_seconds
from server.http.access_log import log_change
from server.http.body import Body, JsonBody, NoBody, content_length, media_type
from server.http.codes import Code
from server.http.problems import Problem, too_large
from server.jobs.enqueue import enqueue_job, enqueue_with_key, require_queue
from server.jobs.wait import submission_response
from server.store.idempotency import REPLAYED_HEADER, fingerprint, key_reused
from server.store.spans import SubmissionSpan
from server.upload.file_part import FilePart
from server.upload.form import OVERHEAD_BYTES, FormBody
from storage.records.job import NewJob, StoreError, Upload
from storage.records.queue_name import DEFAULT_QUEUE


class JobsHandler(ListHandler):
    """The collection of jobs."""

    ROUTE = "/jobs"
    ALLOW = "GET, HEAD, OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}
    QUERIES: ClassVar = {"GET": (ListQuery, SetQuery), "POST": (WaitQuery,)}
    _key: str | None = None
    """The key in flight of this submission; None without one, or once the job is stored."""
    _wait = 0.0
    """How many seconds to wait for the end of the new job."""
    _span: SubmissionSpan | None = None
    _checked: CheckedSubmission | None = None
    """The submission by its fields before the file, if they are enough."""
    _fields_checked = 0

    def body(self) -> Body:
        """Accept JSON or a form for a new job.

        Raises Problem 400, 409, 413, 415, 422, 503 or 507.
        """
        if self.request.method != "POST":
            return NoBody()
        self._wait = wait_seconds(self)
        self.is_timed = not self._wait
        self._span = self.services.request_spans.submission(self.request.headers)
        self.services.queue_watermark.admit()
        self._key = self.services.keys_in_flight.acquire(self.request.headers, self.caller.name)
        kind, options = media_type(self.request.headers)
        size = content_length(self.request.headers.get("Content-Length")) or 0
        if kind == "application/json":
            return self._json_body(size)
        if kind == "multipart/form-data":
            return self._form_body(size, options.get("boundary", ""))
        raise Problem(
            Code.MEDIA_TYPE_UNSUPPORTED,
            "send application/json or, with a file, multipart/form-data",
        )

    async def post(self) -> None:
        """Validate and store a new job; with `?wait=30` or `Prefer: wait=30`, wait for its end."""
        self.require_body()
        upload: Upload | None = None
        try:
            if isinstance(self.received, FormBody):
                job = await self._read_form(self.received)
                upload = job.upload
            else:
                job = await self._read_json()
            job_id = await self._store(job)
        except BaseException as error:
            # After an uncertain commit or an unexpected error, the job may be stored and need its
            # file. If it is not, maintenance deletes the unused file later.
            if upload is None or isinstance(error, StoreError):
                await self.received.abort()
            raise
        log_change(self.caller.name, "submit", job_id=str(job_id))
        self._release_key()
        status, document, headers = await submission_response(self.services, job_id, self._wait)
        self.set_headers(headers)
        self.send_json(document, status)

    async def _store(self, job: NewJob) -> UUID:
        """Store the job, unless its key stands for another one; returns the id of the key's job."""
        if self._key is None:
            job_id = await enqueue_job(self.services, job)
            self._send_span(job)
            return job_id
        stored = await enqueue_with_key(self.services, self._key, job)
        if stored.job_id != job.id:
            await self.received.abort()  # the stored job has its own copy of the file
            if stored.fingerprint != fingerprint(job):
                raise key_reused()
            self.set_header(REPLAYED_HEADER, "true")
        else:
            self._send_span(job)
        return stored.job_id

    def _send_span(self, job: NewJob) -> None:
        if self._span:
            self._span.accepted(job)

    def _new_job(self, checked: CheckedSubmission, upload: Upload | None) -> NewJob:
        traceparent = self._span.traceparent if self._span else None
        return checked.new_job(upload, self.caller.name, traceparent)

    def _count_finished(self) -> None:
        self._release_key()
        super()._count_finished()

    def _release_key(self) -> None:
        if self._key is not None:
            self.services.keys_in_flight.release(self._key)
            self._key = None

    def _json_body(self, size: int) -> JsonBody:
        limit = self.services.settings.max_json_bytes
        if size > limit:
            raise too_large("the body", limit)
        self.services.disk_watermark.admit(size)
        return JsonBody(limit)

    def _form_body(self, size: int, boundary: str) -> FormBody:
        self.is_timed = False
        settings = self.services.settings
        if size > settings.max_upload_bytes + settings.max_json_bytes + OVERHEAD_BYTES:
            raise too_large("the file", settings.max_upload_bytes, Code.FILE_TOO_LARGE)
        self.services.disk_watermark.admit_upload(size)
        connection: Any = self.request.connection
        return FormBody(
            boundary,
            settings.max_json_bytes,
            settings.max_upload_bytes,
            self._open_file,
            connection.stream.offer_buffer,
        )

    async def _open_file(self, delimiter: bytes) -> FilePart:
        """Check the fields that stand before the file, so that a bad one is refused without it."""
        assert isinstance(self.received, FormBody)
        form, self._fields_checked = self.received, len(self.received.fields)
        received = _received(form, is_whole=False)
        self._checked = await self.services.check_fields(received)
        await require_queue(self.services, form.fields.get("queue", b"").decode() or DEFAULT_QUEUE)
        return FilePart(
            await self.services.run_file_io(self.services.store.uploads.writer),
            delimiter,
            self.services.run_file_io,
            self.services.disk_watermark.admit_upload,
            self.services.settings.max_upload_bytes,
        )

    async def _read_json(self) -> NewJob:
        assert isinstance(self.received, JsonBody)
        checked = await self.services.check_submission(Received(self.received.text()))
        return self._new_job(checked, None)

    async def _read_form(self, form: FormBody) -> NewJob:
        form.require_whole()
        checked = self._checked
        if checked is None or form.errors or len(form.fields) > self._fields_checked:
            checked = await self.services.check_submission(_received(form))
        return self._new_job(checked, await form.finish())


def _received(form: FormBody, is_whole: bool = True) -> Received:
    return Received(form.fields, form.file_part, is_whole, tuple(form.errors))
