"""Deletes final jobs after their retention time, and uploads that no job uses."""

from uuid import UUID

from storage.db.database import Database
from storage.db.models import AttemptRow, JobRow, UploadRow
from storage.jobs.rows import jobs_by_id
from storage.records.job import JobCheck
from storage.records.states import FINAL, Status

BATCH = 100
"""How many jobs a transaction deletes, so that other writers wait for it for 3 ms."""
_MAX_IN = 500


def prune(database: Database, finished_before: int) -> tuple[int, list[UUID]]:
    """Delete up to BATCH final jobs that finished before a time, in milliseconds since 1970.

    Returns the number of deleted jobs, and the uploads that no job uses any more; the caller may
    delete their files.
    """
    with database.transaction():
        old = (
            JobRow.select(JobRow.id, JobRow.upload_id)
            .where(JobRow.finished_at < finished_before)
            .order_by(JobRow.finished_at)
            .limit(BATCH)
        )
        rows = database.rows(database.engine.skip_locked(old))
        ids = [row["id"] for row in rows]
        if not ids:
            return 0, []
        return len(ids), _delete(database, ids, {row["upload_id"] for row in rows})


def delete_job(
    database: Database, job_id: UUID, check: JobCheck | None = None
) -> tuple[Status | None, list[UUID]]:
    """Delete one job if it is final.

    Returns the status it had, None if there is no such job, and its unused uploads as `prune` does.
    Raises what `check` raises.
    """
    with database.transaction():
        query = JobRow.select(JobRow.status, JobRow.upload_id).where(JobRow.id == job_id)
        rows = database.rows(database.engine.lock(query))
        if not rows:
            return None, []
        status = Status(rows[0]["status"])
        if status not in FINAL:
            return status, []
        if check is not None:
            check(jobs_by_id(database, [job_id])[job_id])
        return status, _delete(database, [job_id], {rows[0]["upload_id"]})


def unknown_uploads(database: Database, uploads: set[UUID]) -> set[UUID]:
    """Return the uploads among these ids that have no row, so that no job can use their files."""
    known: set[UUID] = set()
    ordered = sorted(uploads)
    for start in range(0, len(ordered), _MAX_IN):
        some = UploadRow.id.in_(ordered[start : start + _MAX_IN])
        known |= {row["id"] for row in database.rows(UploadRow.select(UploadRow.id).where(some))}
    return uploads - known


def _delete(database: Database, ids: list[UUID], uploads: set[UUID | None]) -> list[UUID]:
    """Delete jobs and their attempts. Returns the uploads that no job uses any more."""
    database.run(AttemptRow.delete().where(AttemptRow.job_id.in_(ids)))
    database.run(JobRow.delete().where(JobRow.id.in_(ids)))
    return _delete_unused(database, {each for each in uploads if each is not None})


def _delete_unused(database: Database, uploads: set[UUID]) -> list[UUID]:
    if not uploads:
        return []
    candidates = UploadRow.id.in_(sorted(uploads))
    # Locked before the search for users: from here on, no new job can take one as its source.
    database.rows(database.engine.lock(UploadRow.select().where(candidates)))
    used = JobRow.select(JobRow.upload_id).where(JobRow.upload_id.in_(sorted(uploads))).distinct()
    unused = sorted(uploads - {row["upload_id"] for row in database.rows(used)})
    database.run(UploadRow.delete().where(UploadRow.id.in_(unused)))
    return unused
