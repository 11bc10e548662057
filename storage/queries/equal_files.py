"""Finds jobs that have succeeded with an equal file."""

from collections.abc import Callable
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, KeyRow, UploadRow
from storage.jobs.rows import jobs_by_id
from storage.records.job import Job, Upload
from storage.records.states import Status

MAX_JOBS = 100
"""How many jobs with the file are looked at, the newest first."""


def find_equal(
    database: Database,
    type: str,
    file: Upload | UUID,
    is_equal: Callable[[Job], bool],
    key: str | None = None,
) -> Job | None:
    """Return the newest job of a type that has succeeded with an equal file and is equal otherwise.

    `file` is an upload, or the id of a job that has one. None without such a job, and if the
    idempotency key is known: then it stands for a job already.
    """
    if key is not None and database.rows(KeyRow.select(KeyRow.key).where(KeyRow.key == key)):
        return None
    if isinstance(file, UUID):
        uploads = UploadRow.select(UploadRow.sha256, UploadRow.size).join(
            JobRow, on=(JobRow.upload_id == UploadRow.id)
        )
        found = database.rows(uploads.where(JobRow.id == file))
        if not found:
            return None
        sha256, size = found[0]["sha256"], found[0]["size"]
    else:
        sha256, size = file.sha256, file.size
    ids = [row["id"] for row in database.rows(_select(type, sha256, size))]
    jobs = jobs_by_id(database, ids, ("result", "attempts")) if ids else {}
    for job_id in ids:
        if job_id in jobs and is_equal(jobs[job_id]):
            return jobs_by_id(database, [job_id]).get(job_id)
    return None


def _select(type: str, sha256: str, size: int) -> pw.Select:
    """Build the query for the ids of jobs that have succeeded with such a file, newest first."""
    return (
        JobRow.select(JobRow.id)
        .join(UploadRow, on=(JobRow.upload_id == UploadRow.id))
        .where(
            UploadRow.sha256 == sha256,
            UploadRow.size == size,
            JobRow.type == type,
            JobRow.status == Status.SUCCEEDED,
        )
        .order_by(JobRow.id.desc())
        .limit(MAX_JOBS)
    )
