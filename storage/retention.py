"""Deletes what is no longer needed: final jobs after their time, and files that belong to none."""

from uuid import UUID

from storage.database import Database
from storage.models import AttemptRow, JobRow, UploadRow

BATCH = 500


def prune(database: Database, finished_before: int) -> tuple[int, list[UUID]]:
    """Delete up to BATCH final jobs that finished before a time (ms since 1970).

    Returns how many, and the uploads that no job has any more: their files may go now.
    """
    with database.transaction():
        old = (
            JobRow.select(JobRow.id, JobRow.upload_id)
            .where(JobRow.finished_at < finished_before)
            .order_by(JobRow.finished_at)
            .limit(BATCH)
        )
        rows = database.rows(database.for_update(old))
        ids = [row["id"] for row in rows]
        if not ids:
            return 0, []
        database.run(AttemptRow.delete().where(AttemptRow.job_id.in_(ids)))
        database.run(JobRow.delete().where(JobRow.id.in_(ids)))
        return len(ids), _delete_unused(database, {row["upload_id"] for row in rows} - {None})


def unknown(database: Database, uploads: set[UUID]) -> set[UUID]:
    """Those uploads that the database does not know: nothing points at their files."""
    known: set[UUID] = set()
    ordered = sorted(uploads)
    for start in range(0, len(ordered), BATCH):
        some = UploadRow.id.in_(ordered[start : start + BATCH])
        known |= {row["id"] for row in database.rows(UploadRow.select(UploadRow.id).where(some))}
    return uploads - known


def _delete_unused(database: Database, uploads: set[UUID]) -> list[UUID]:
    if not uploads:
        return []
    candidates = UploadRow.id.in_(sorted(uploads))
    # Locked before it is looked who uses them: from here on, no new job can take one as its source.
    database.rows(database.lock(UploadRow.select().where(candidates)))
    used = JobRow.select(JobRow.upload_id).where(JobRow.upload_id.in_(sorted(uploads))).distinct()
    unused = sorted(uploads - {row["upload_id"] for row in database.rows(used)})
    database.run(UploadRow.delete().where(UploadRow.id.in_(unused)))
    return unused
