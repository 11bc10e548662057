"""The base class of handlers that store new jobs."""

from dataclasses import dataclass

from server.api.uploads.file_body import FileBody
from server.api.uploads.file_part import DiscardingWriter, FilePart
from server.api.uploads.form import FormBody
from server.handlers.base import Handler
from server.http.blocking import RunBlocking
from server.http.codes import Code
from server.http.problems import Problem, too_large
from server.jobs.admission import Admission, Admissions, DiskWatermark
from server.jobs.jobs import Jobs
from server.jobs.submissions import Submissions, Submitted
from server.jobs.validation.submission import CheckedSubmission
from storage.files.uploads import Uploads
from storage.records.job import StoreError, Upload


@dataclass(frozen=True)
class Intake:
    """The parts of the listener that receive new jobs and their files."""

    submissions: Submissions
    admissions: Admissions
    disk_watermark: DiskWatermark
    uploads: Uploads
    max_upload_bytes: int
    run_file_io: RunBlocking


class SubmissionHandler(Handler):
    """Admits submissions by their heads, and stores them with their files."""

    LIMITED = True
    MAX_JSON_BYTES = 1 << 20
    """Size of the largest JSON body or form field. A larger one gets 413."""
    intake: Intake
    jobs: Jobs
    admission: Admission | None = None

    async def admit(
        self, size: int, has_file: bool, is_dry_run: bool = False, file_size: int = 0
    ) -> None:
        """Admit a submission whose body has `size` bytes, and its file at least `file_size`.

        Raises Problem 400, 409, 413, 429, 503 and 507.
        """
        given = self.request.headers, self.caller, size, has_file, is_dry_run, file_size
        self.admission = await self.intake.admissions.admit(*given)

    def require_file_size(self, size: int) -> None:
        """Raise Problem 413 if a file has more bytes than MAX_UPLOAD_BYTES."""
        if size > self.intake.max_upload_bytes:
            raise too_large("the file", self.intake.max_upload_bytes, Code.FILE_TOO_LARGE)

    async def new_file(self, delimiter: bytes, is_kept: bool = True) -> FilePart:
        """Open a file that receives an upload, up to the delimiter. Raises StoreError."""
        return FilePart(
            await self.intake.run_file_io(self.intake.uploads.writer)
            if is_kept
            else DiscardingWriter(),
            delimiter,
            self.intake.run_file_io,
            self._require_space,
            self.intake.max_upload_bytes,
        )

    def offer_buffer(self, buffer: memoryview) -> None:
        """Let the connection read the next bytes of the body into this memory."""
        self.client.offer_buffer(buffer)

    def _require_space(self, size: int) -> None:
        """Raise Problem 413, 429 or 507 if there is no room for the next bytes of the file."""
        if self.admission:
            self.admission.reserved.arrive(size)
        self.intake.disk_watermark.admit_upload(size)

    async def store(
        self, admission: Admission, checked: CheckedSubmission, body: FormBody | FileBody
    ) -> Submitted:
        """Store a job and its file, unless the job is stored already. Raises as `enqueue` does."""
        upload: Upload | None = None
        try:
            upload = await body.finish()
            submitted = await self.intake.submissions.enqueue(admission, checked, upload)
            admission.release()
        except BaseException as error:
            # After an uncertain commit or an unexpected error, the job may be stored and need its
            # file. If it is not, maintenance deletes the unused file later.
            is_refused = isinstance(error, Problem) and error.code != Code.SUBMISSION_UNCERTAIN
            if upload is None or is_refused or isinstance(error, StoreError):
                await body.abort()
            raise
        if submitted.is_earlier:
            await body.abort()  # the earlier job has its own copy of the file
        return submitted

    def _count_finished(self) -> None:
        if self.admission:
            self.admission.release()
        super()._count_finished()
