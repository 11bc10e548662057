"""`/jobs/{job_id}/upload`: the file that a job was given."""

from functools import partial

from server.handlers.files.download import DownloadHandler, StoredFile
from server.handlers.jobs.job import parse_job_id
from server.http.codes import Code
from server.http.problems import Problem
from storage.files.uploads import Uploads
from storage.records.media_types import media_type_of


class UploadedFileHandler(DownloadHandler):
    """The uploaded file of one job; the zip archive if there were several."""

    uploads: Uploads
    ROUTE = "/jobs/{job_id}/upload"

    async def get(self, job_id: str) -> None:
        """Send the file, or the part of it that Range names."""
        job = await self.jobs.wait(parse_job_id(job_id), self.caller)
        upload = job.upload
        if upload is None:
            detail = f"the job {job.id} has no upload: its type is {job.type}"
            raise Problem(Code.FILE_NOT_FOUND, detail)
        kind = media_type_of(upload.name)
        read = partial(self.uploads.open, upload)
        await self.send_file(StoredFile(upload.name, upload.size, kind, upload.sha256, read))

    head = get
