"""`/jobs/{job_id}/bundle`: all that is stored about a job, as a zip archive.

bundle.json                     the format, the release, and what the archive has
job.json                        the document of the job, with payload, result and attempts
events.json                     its changes, the oldest first
output/1.log, output/1.jsonl    the output of attempt 1, as text and as log entries
upload/data                     with ?files=true: the file that it was given
files/NAME                      with ?files=true: the files that it has left
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from server.api.files.archive import FilesArchive, Reader
from server.api.files.download import FILE_HEADERS, DownloadHandler
from server.api.jobs.job import parse_job_id
from server.api.openapi.operation import ZIP, Operation
from server.documents.file_queries import BundleQuery
from server.documents.job_documents import job_document
from server.events.documents import event_document, output_lines, output_text
from server.events.log_entries import ALL
from server.handlers.query import query_parameters, read_query
from server.http.response import encode_json
from server.store.threads import StoreThreads
from storage.files.artifacts import Artifacts
from storage.files.uploads import Uploads
from storage.jobs.events import Events
from storage.records.job import Job
from storage.records.release import RELEASE
from storage.store import JobStore

FORMAT = 1
"""Grows with each change that older clients cannot read."""


@dataclass(frozen=True)
class Member:
    """One file of a bundle. `open` returns a reader, or None if the file is gone."""

    name: str
    size: int
    sha256: str
    open: Callable[[], Reader | None]


class BundleHandler(DownloadHandler):
    """All that is stored about one job."""

    artifacts: Artifacts
    events: Events
    job_store: JobStore
    threads: StoreThreads
    uploads: Uploads
    ROUTE = "/jobs/{job_id}/bundle"

    @Operation(
        "getJobBundle",
        "files",
        {200: ZIP},
        queries=(BundleQuery,),
        problems=(410,),
        response_headers={200: FILE_HEADERS},
    )
    async def get(self, job_id: str) -> None:
        """All that is stored about a job, as a zip archive.

        For a report of a fault, or to run the job elsewhere: its document, its changes and the
        output of its attempts; with `files=true`, also the file that it was given and those that it
        has left. The archive has the payload and the result.
        """
        query = read_query(BundleQuery, query_parameters(self))
        job = await self.jobs.wait(parse_job_id(job_id), self.caller)
        members = await self.threads.run(self._members, job, query.files)
        archive = FilesArchive(members, lambda member: member.open())
        await self.send_archive(f"{job.id}.bundle.zip", archive)

    def _members(self, job: Job, with_files: bool) -> list[Member]:
        """Return what the archive has, except for bytes of files. Blocks. Raises StoreError."""
        about = {"format": FORMAT, "release": RELEASE, "job_id": str(job.id), "files": with_files}
        found = [_document("bundle.json", about), _document("job.json", job_document(job))]
        events = self.events.of_job(job.id, 0)
        found.append(_document("events.json", [event_document(each) for each in events]))
        found += self._output(job)
        return [*found, *self._files(job)] if with_files else found

    def _output(self, job: Job) -> Iterator[Member]:
        for attempt in job.attempts:
            pieces = self.events.outputs.of_attempt(job.id, attempt.number)
            if pieces:
                yield _member(f"output/{attempt.number}.log", output_text(pieces, ALL))
                yield _member(f"output/{attempt.number}.jsonl", output_lines(pieces, ALL))

    def _files(self, job: Job) -> Iterator[Member]:
        if upload := job.upload:
            read = partial(self.uploads.open, upload, 0, upload.size)
            yield Member("upload/data", upload.size, upload.sha256, read)
        for file in self.job_store.files(job.id) if job.files else []:
            read = partial(self.artifacts.open, file)
            yield Member(f"files/{file.name}", file.size, file.sha256, read)


def _document(name: str, document: object) -> Member:
    return _member(name, encode_json(document))


def _member(name: str, data: bytes) -> Member:
    """Return a file of a bundle that is in memory."""
    return Member(name, len(data), hashlib.sha256(data).hexdigest(), partial(io.BytesIO, data))
