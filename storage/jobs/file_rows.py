"""The rows of the files that jobs leave.

A worker inserts them in the transaction that settles the attempt. A trigger deletes them with their
job.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobFileRow, JobRow
from storage.db.parameters import parameter
from storage.jobs.rows import rows_for_ids
from storage.records.job_file import ArtifactKey, JobFile
from storage.records.states import Status

_KEY = JobFileRow.job_id, JobFileRow.attempt, JobFileRow.file_id


def insert_files(database: Database, files: Sequence[JobFile]) -> None:
    """Insert the rows of files, inside the transaction that settles their attempts."""
    rows = [dict(vars(file)) for file in files]
    database.change_each_deferred(database.statement("insert files", _insert), rows)


def files_of(database: Database, job_id: UUID) -> list[JobFile]:
    """Return the files of a job, in the order of their positions."""
    select = database.statement("files", _select_of_job)
    return [JobFile(**row) for row in database.fetch(select, {"job_id": job_id})]


def file_of(database: Database, job_id: UUID, name: str) -> JobFile | None:
    """Return the file of a job with this name, or None. A name that none can have gives None."""
    if not _is_storable(name):
        return None
    select = database.statement("file", _select_one)
    rows = database.fetch(select, {"job_id": job_id, "name": name})
    return JobFile(**rows[0]) if rows else None


def keys_of_files(database: Database, job_ids: Sequence[UUID]) -> list[ArtifactKey]:
    """Return the keys of all files of these jobs."""
    found = rows_for_ids(database, "keys of files", _select_keys, JobFileRow.job_id, job_ids)
    return [ArtifactKey(**row) for row in found]


def unused_files(database: Database, keys: Iterable[ArtifactKey]) -> set[ArtifactKey]:
    """Return those keys that have no row, and whose attempts do not run.

    The running attempts are read first. An attempt that is settled afterwards counts as running;
    one that was settled before has its rows by now.
    """
    unused = set(keys)
    ids = sorted({key.job_id for key in unused})
    running = rows_for_ids(database, "running attempts", _select_running, JobRow.id, ids)
    attempts = {(row["id"], row["attempt"]) for row in running}
    known = {key for key in unused if (key.job_id, key.attempt) in attempts}
    known |= {*keys_of_files(database, ids)}
    return unused - known


def _is_storable(name: str) -> bool:
    """Return whether both databases accept a text: PostgreSQL refuses NUL."""
    return "\0" not in name and not any("\ud800" <= each <= "\udfff" for each in name)


def _insert() -> pw.Insert:
    fields = JobFileRow._meta.sorted_fields
    return JobFileRow.insert(**{field.name: parameter(field) for field in fields})


def _select_of_job() -> pw.Select:
    is_of_job = JobFileRow.job_id == parameter(JobFileRow.job_id)
    return JobFileRow.select().where(is_of_job).order_by(JobFileRow.position)


def _select_one() -> pw.Select:
    return JobFileRow.select().where(
        JobFileRow.job_id == parameter(JobFileRow.job_id),
        JobFileRow.name == parameter(JobFileRow.name),
    )


def _select_keys() -> pw.Select:
    return JobFileRow.select(*_KEY)


def _select_running() -> pw.Select:
    """Select the running attempts, to be filtered by job."""
    return JobRow.select(JobRow.id, JobRow.attempt).where(JobRow.status == Status.RUNNING)
