"""Compares the stored files with their rows: files that are missing, and files without a row."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from storage.db.database import Database
from storage.db.models import JobFileRow, JobRow, UploadRow
from storage.db.statements import Row
from storage.files.folder import FolderUploads
from storage.files.uploads import Uploads
from storage.jobs.file_rows import unused_files
from storage.jobs.retention import unknown_uploads
from storage.records.job import Upload
from storage.records.job_file import ArtifactKey, JobFile

_BATCH = 500
_SHOWN = 3


@dataclass
class MissingFiles:
    """Files that have a row, but are missing or have another size."""

    checked: int = 0
    is_complete: bool = True
    """Whether all files were checked, before the time was over."""
    missing: int = 0
    examples: list[str] = field(default_factory=list)
    """The first few: the upload of which job, or which file of which job."""

    @property
    def takes_examples(self) -> bool:
        """Whether there are only few examples yet."""
        return len(self.examples) < _SHOWN


def find_missing(database: Database, uploads: Uploads, seconds: float | None) -> MissingFiles:
    """Compare the size of each stored file with its row. Raises StoreError.

    Stops after `seconds`; None for no limit.
    """
    found, until = MissingFiles(), None if seconds is None else time.monotonic() + seconds
    for number, (text, size, file) in enumerate(files_with_rows(database)):
        if until is not None and number % 50 == 49 and time.monotonic() > until:
            found.is_complete = False
            break
        found.checked += 1
        if size_of(uploads, file) != size:
            found.missing += 1
            if found.takes_examples:
                found.examples.append(text + _of_jobs(database, file))
    return found


def size_of(uploads: Uploads, file: Upload | ArtifactKey) -> int | None:
    """Return the size of a stored file; None if it is missing. Raises StoreUnavailable."""
    return uploads.size(file) if isinstance(file, Upload) else uploads.artifacts.size(file)


def _of_jobs(database: Database, file: Upload | ArtifactKey) -> str:
    """Name jobs that have an upload: it has no page of its own, but they can be deleted."""
    if not isinstance(file, Upload):
        return ""
    query = JobRow.select(JobRow.id).where(JobRow.upload_id == file.id).limit(_SHOWN + 1)
    jobs = [str(row["id"]) for row in database.rows(query)]
    shown = " and ".join(jobs[:_SHOWN]) + (" and others" if len(jobs) > _SHOWN else "")
    return f" of job {shown}" if jobs else " of no job yet"


def count_lone_files(database: Database, uploads: FolderUploads) -> int:
    """Return how many files in a folder have no row, after the time in which they may get one."""
    lone = unknown_uploads(database, uploads.past_grace())
    with os.scandir(uploads.artifacts.folder) as entries:
        keys = {key for entry in entries if (key := ArtifactKey.parse(entry.name))}
    return len(lone) + len(unused_files(database, keys))


def delete_lone_files(database: Database, uploads: Uploads) -> int:
    """Delete the files without a row, even files that a worker's sweep keeps; return how many.

    Younger uploads in a bucket are left to a worker, which sees them twice. Raises StoreError.
    """
    lone_ids = uploads.sweep(partial(unknown_uploads, database), since=None)
    return len(lone_ids) + len(uploads.artifacts.sweep(partial(unused_files, database), since=None))


def files_with_rows(database: Database) -> Iterator[tuple[str, int, Upload | ArtifactKey]]:
    """Yield for each stored file its description, its size, and what finds it."""
    last: Any = None
    while rows := _uploads_after(database, last):
        last = rows[-1]["id"]
        for row in rows:
            upload = Upload(**row)
            yield f"upload {upload.id}", upload.size, upload
    last = None
    while rows := _job_files_after(database, last):
        last = rows[-1]["job_id"], rows[-1]["name"]
        for row in rows:
            file = JobFile(**row)
            yield f"job {file.job_id}, file {file.position}", file.size, file.key


def _uploads_after(database: Database, last: Any) -> list[Row]:
    query = UploadRow.select().order_by(UploadRow.id).limit(_BATCH)
    return database.rows(query if last is None else query.where(UploadRow.id > last))


def _job_files_after(database: Database, last: Any) -> list[Row]:
    columns = JobFileRow.job_id, JobFileRow.name
    query = JobFileRow.select().order_by(*columns).limit(_BATCH)
    if last is not None:
        job_id, name = last
        is_of_job = (JobFileRow.job_id == job_id) & (JobFileRow.name > name)
        query = query.where((JobFileRow.job_id > job_id) | is_of_job)
    return database.rows(query)
