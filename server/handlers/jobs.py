"""`/jobs`: submit a job; lists are in `lists`."""

from typing import Any, ClassVar
from uuid import UUID

from server.auth.callers import Role
from server.documents import submission
from server.documents.submission import CheckedSubmission
from server.handlers.lists import ListHandler
from server.handlers.waiting import wait_seconds
from server.http.access_log import log_change
from server.http.body import Body, JsonBody, NoBody, content_length, media_type
from server.http.problems import Problem, too_large
from server.jobs.enqueue import store_job, store_once
from server.jobs.wait import accepted_after
from server.store import idempotency as once
from server.store.spans import SubmissionSpan
from server.upload.form import OVERHEAD_BYTES, FormBody
from storage.records.job import NewJob, StoreError, Upload


class JobsHandler(ListHandler):
    """The collection of jobs."""

    ALLOW = "GET, HEAD, OPTIONS, POST"
    ROLES: ClassVar = {"POST": Role.SUBMIT}
    _key: str | None = None
    """The Idempotency-Key of a submission, as its caller's, until it is stored."""
    _wait = 0.0
    """How many seconds to wait for the end of a new job."""
    _trace: SubmissionSpan | None = None

    def body(self) -> Body:
        """A form or JSON for a new job. Raises Problem 400, 409, 413, 415, 422 or 507."""
        if self.request.method != "POST":
            return NoBody()
        self._wait = wait_seconds(self)
        self._trace = self.services.traces.submission(self.request.headers)
        self.services.queue.admit()
        self._key = self.services.keys_under_way.enter(self.request.headers, self.caller.name)
        kind, options = media_type(self.request.headers)
        size = content_length(self.request.headers.get("Content-Length")) or 0
        if kind == "application/json":
            return self._json(size)
        if kind == "multipart/form-data":
            return self._form(size, options.get("boundary", ""))
        raise Problem(415, "send application/json or, with a file, multipart/form-data")

    async def post(self) -> None:
        """Store a new job, once it has been checked whole; and, with `?wait=30` or `Prefer:
        wait=30`, wait for its end."""
        self.take_body()
        upload: Upload | None = None
        try:
            if isinstance(self.received, FormBody):
                job = await self._read_form(self.received)
                upload = job.upload
            else:
                job = self._read_json()
            job_id = await self._store(job)
        except BaseException as error:
            # A job in doubt, and one after what nobody foresaw, may be stored, and needs its file
            # then; a file that no job needs is pruned in time.
            if upload is None or isinstance(error, StoreError):
                await self.received.abort()
            raise
        log_change(self.caller.name, "submit", job_id=str(job_id))
        self._forget_key()
        status, document, headers = await accepted_after(self.services, job_id, self._wait)
        self.set_headers(headers)
        self.answer(document, status)

    async def _store(self, job: NewJob) -> UUID:
        """The id of the job that is stored now."""
        if self._key is None:
            job_id = await store_job(self.services, job)
            self._accepted(job)
            return job_id
        kept = await store_once(self.services, self._key, job)
        if kept.job_id != job.id:
            await self.received.abort()  # the file is there already, or not wanted
            if kept.fingerprint != once.fingerprint(job):
                raise once.another()
            self.set_header(once.REPLAYED, "true")
        else:
            self._accepted(job)
        return kept.job_id

    def _accepted(self, job: NewJob) -> None:
        if self._trace:
            self._trace.accepted(job)

    def _new_job(self, checked: CheckedSubmission, upload: Upload | None) -> NewJob:
        traceparent = self._trace.traceparent if self._trace else None
        return checked.new_job(upload, self.caller.name, traceparent)

    def _leave(self) -> None:
        self._forget_key()
        super()._leave()

    def _forget_key(self) -> None:
        if self._key is not None:
            self.services.keys_under_way.leave(self._key)
            self._key = None

    def _json(self, size: int) -> JsonBody:
        limit = self.services.settings.max_json_bytes
        if size > limit:
            raise too_large("the body", limit)
        self.services.disk.admit(size)
        return JsonBody(limit)

    def _form(self, size: int, boundary: str) -> FormBody:
        settings = self.services.settings
        if size > settings.max_upload_bytes + settings.max_json_bytes + OVERHEAD_BYTES:
            raise too_large("the file", settings.max_upload_bytes)
        self.services.disk.admit_upload(size)
        connection: Any = self.request.connection
        return FormBody(
            boundary,
            self.services.store.uploads,
            self.services.on_files,
            self.services.disk.admit_upload,
            max_field_bytes=settings.max_json_bytes,
            max_file_bytes=settings.max_upload_bytes,
            offer_buffer=connection.stream.offer_buffer,
        )

    def _read_json(self) -> NewJob:
        assert isinstance(self.received, JsonBody)
        checked = self.services.check(self.received.document(), has_file=False)
        return self._new_job(checked, None)

    async def _read_form(self, form: FormBody) -> NewJob:
        form.require_whole()
        document = submission.read_form(form.fields)
        checked = self.services.check(document, has_file=form.file_name is not None)
        return self._new_job(checked, await form.finish())
