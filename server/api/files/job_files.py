"""`/jobs/{job_id}/files`: the files that a job has left, one by one or as a zip archive."""

import re
from difflib import get_close_matches
from functools import partial
from urllib.parse import quote
from uuid import UUID

from server.api.files.archive import FilesArchive
from server.api.files.download import FILE_HEADERS, DownloadHandler, StoredFile, download_operation
from server.api.jobs.job import OneJobHandler, parse_job_id
from server.api.openapi.operation import ZIP, Operation
from server.documents.schemas.file_schemas import FilesDocument
from server.http.codes import Code
from server.http.problems import Problem
from server.store.threads import StoreThreads
from storage.files.artifacts import Artifacts
from storage.records.job import Job
from storage.records.job_file import JobFile
from storage.records.media_types import UNKNOWN
from storage.store import JobStore

_MAX_NAMED = 3
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)


class FilesHandler(OneJobHandler):
    """The list of the files of one job."""

    job_store: JobStore
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/files"

    @Operation("listJobFiles", "files", {200: FilesDocument})
    async def get(self, job_id: str) -> None:
        """The files that a job has left.

        A job type leaves files in its folder. They are stored when the job has succeeded, and
        deleted with it.
        """
        job = await self.jobs.wait(parse_job_id(job_id), self.caller)
        files = await self.threads.run(self.job_store.files, job.id) if job.files else []
        self.send_json(files_document(self.root_path, job.id, files))


class FileHandler(DownloadHandler):
    """One file that a job has left."""

    artifacts: Artifacts
    job_store: JobStore
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/files/{name}"

    @download_operation("getJobFile")
    async def get(self, job_id: str, name: str) -> None:
        """A file that a job has left.

        Sends the file, or with Range a part of it. The Etag is its SHA-256 in double quotes. The
        slashes of a name may be written as they are, or as %2F.
        """
        job = await self.jobs.wait(parse_job_id(job_id), self.caller)
        file = await self.threads.run(self.job_store.file, job.id, name) if job.files else None
        if file is None:
            raise Problem(Code.FILE_NOT_FOUND, await self.threads.run(self._not_found, job, name))
        kind = file.media_type if _MEDIA_TYPE.fullmatch(file.media_type) else UNKNOWN
        read = partial(self.artifacts.open, file)
        await self.send_file(StoredFile(file.name, file.size, kind, file.sha256, read))

    def _not_found(self, job: Job, name: str) -> str:
        """Return the text for a name that no file of a job has: it names the most similar files.

        Blocks: it reads all names and compares them, which takes seconds for thousands of them.
        """
        text = f"the job {job.id} has left no file {name[:300]!r}"
        names = [file.name for file in self.job_store.files(job.id)] if job.files else []
        if not names:
            return f"{text}, and no other"
        alike = get_close_matches(name, names, n=_MAX_NAMED, cutoff=0)
        shown = ", ".join(repr(each[:100]) for each in sorted(alike))
        more = len(names) - len(alike)
        return f"{text}; it has {shown}{f' and {more} more' if more else ''}"


class FilesArchiveHandler(DownloadHandler):
    """All files that a job has left, as one zip archive."""

    artifacts: Artifacts
    job_store: JobStore
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/files.zip"

    @Operation(
        "getJobFilesArchive",
        "files",
        {200: ZIP},
        problems=(410,),
        response_headers={200: FILE_HEADERS},
    )
    async def get(self, job_id: str) -> None:
        """All files that a job has left, as a zip archive.

        The archive is made while it is sent. Files are not compressed in it.
        """
        job = await self.jobs.wait(parse_job_id(job_id), self.caller)
        files = await self.threads.run(self.job_store.files, job.id) if job.files else []
        if not files:
            raise Problem(Code.FILE_NOT_FOUND, f"the job {job.id} has left no files")
        await self.send_archive(f"{job.id}.zip", FilesArchive(files, self.artifacts.open))


def files_document(root_path: str, job_id: UUID, files: list[JobFile]) -> FilesDocument:
    """Return the list of the files of a job, as clients see it."""
    return {
        "files": [
            {
                "name": file.name,
                "size": file.size,
                "media_type": file.media_type,
                "sha256": file.sha256,
                "url": f"{root_path}/jobs/{job_id}/files/{quote(file.name)}",
            }
            for file in files
        ]
    }
