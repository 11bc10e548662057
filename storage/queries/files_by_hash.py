"""Finds stored files by the SHA-256 of their bytes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.db.database import Database
from storage.db.models import JobFileRow, JobRow, UploadRow
from storage.db.parameters import parameter
from storage.records.job import Upload
from storage.records.job_file import JobFile

MAX_FILES = 8
"""How many equal files of each kind are found. More than one are needed only if some of them are
deleted meanwhile."""

FoundFile = tuple[UUID, Upload | JobFile]
"""The id of a job, and a file that it was given or has left."""


def files_by_hash(database: Database, sha256: str) -> Sequence[FoundFile]:
    """Return some of the files with a SHA-256, in lower-case hexadecimal, that jobs have.

    Files that jobs were given come first.
    """
    values = {"sha256": sha256}
    uploads, files = database.fetch_each(
        [
            (database.statement("uploads by hash", _select_uploads), values),
            (database.statement("job files by hash", _select_files), values),
        ]
    )
    return [
        *((row.pop("job_id"), Upload(**row)) for row in uploads),
        *((row["job_id"], JobFile(**row)) for row in files),
    ]


def _select_uploads() -> Any:
    """Select uploads that jobs have. Another one is of a job that was deleted."""
    return (
        UploadRow.select(UploadRow, JobRow.id.alias("job_id"))
        .join(JobRow, on=(JobRow.upload_id == UploadRow.id))
        .where(UploadRow.sha256 == parameter(UploadRow.sha256))
        .limit(MAX_FILES)
    )


def _select_files() -> Any:
    return (
        JobFileRow.select()
        .where(JobFileRow.sha256 == parameter(JobFileRow.sha256))
        .limit(MAX_FILES)
    )
