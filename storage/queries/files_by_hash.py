"""Finds stored files by the SHA-256 of their bytes, and jobs that succeeded with an equal file."""

from collections.abc import Callable, Sequence
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobFileRow, JobRow, KeyRow, UploadRow
from storage.db.parameters import parameter, unindexed
from storage.jobs.rows import jobs_by_id
from storage.queries.search_statements import in_queues, queue_values
from storage.records.filters import View
from storage.records.job import Job, Upload
from storage.records.job_file import JobFile
from storage.records.states import Status

MAX_FILES = 8
"""How many equal files of each kind are found. More than one are needed only if some of them are
deleted meanwhile."""

FoundFile = tuple[UUID, Upload | JobFile]
"""The id of a job, and a file that it was given or has left."""

_MAX_JOBS = 100
"""How many jobs with the file are looked at, the newest first."""


def files_by_hash(database: Database, sha256: str, view: View | None = None) -> Sequence[FoundFile]:
    """Return some of the files with a SHA-256, in lower-case hexadecimal, that jobs have.

    `view` limits the jobs; None for all. Files that jobs were given come first.
    """
    limits = {} if view is None else _limits(view)
    values, names = {"sha256": sha256, **limits}, tuple(limits)
    uploads, files = database.fetch_each(
        [
            (
                database.statement(("uploads by hash", names), lambda: _select_uploads(names)),
                values,
            ),
            (
                database.statement(("job files by hash", names), lambda: _select_files(names)),
                values,
            ),
        ]
    )
    return [
        *((row.pop("job_id"), Upload(**row)) for row in uploads),
        *((row["job_id"], JobFile(**row)) for row in files),
    ]


def _limits(view: View) -> dict[str, str]:
    """The conditions of a view: the names of parameters and their values."""
    owner = {} if view.owner is None else {"submitted_by": view.owner}
    # A view of no queue sees no job, and no queue has an empty name.
    queues = () if view.queues is None else view.queues or ("",)
    return owner | queue_values(queues)


def _conditions(names: Sequence[str]) -> list[pw.Node]:
    own = unindexed(JobRow.submitted_by) == parameter(JobRow.submitted_by)
    return [*([own] if "submitted_by" in names else []), *in_queues(names)]


def _select_uploads(names: Sequence[str]) -> pw.Select:
    """Select uploads that jobs have. Another one is of a job that was deleted."""
    return (
        UploadRow.select(UploadRow, JobRow.id.alias("job_id"))
        .join(JobRow, on=(JobRow.upload_id == UploadRow.id))
        .where(UploadRow.sha256 == parameter(UploadRow.sha256), *_conditions(names))
        .limit(MAX_FILES)
    )


def _select_files(names: Sequence[str]) -> pw.Select:
    query = JobFileRow.select()
    if names:
        query = query.join(JobRow, on=(JobRow.id == JobFileRow.job_id))
    has_hash = JobFileRow.sha256 == parameter(JobFileRow.sha256)
    return query.where(has_hash, *_conditions(names)).limit(MAX_FILES)


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
        .limit(_MAX_JOBS)
    )
