"""Rows that belong to no job, and their deletion.

The service deletes such rows with their job. Others come from changes by hand, from a restored part
of a database, or from a fault.
"""

from dataclasses import dataclass
from uuid import UUID

from admin.store_checks.reading import Reader
from storage.db.database import Database
from storage.db.models import JobRow, UploadRow
from storage.jobs.retention import delete_unused_uploads
from storage.records.counted import counted

TABLES: dict[str, tuple[str] | tuple[str, str]] = {
    "attempt": ("attempt",),
    "event": ("event",),
    "output": ("piece of output", "pieces of output"),
    "job_tag": ("tag",),
    "job_file": ("file of a job", "files of jobs"),
    "dependency": ("dependency", "dependencies"),
    "follower": ("job in `after`", "jobs in `after`"),
    "submission_key": ("idempotency key",),
    "callback": ("callback",),
    "service_callback": ("callback for all jobs", "callbacks for all jobs"),
}
"""The tables with a column `job_id`, with the word for one of their rows, and the word
for several unless it has an s more."""
BATCH = 1000
"""How many rows a transaction deletes."""
_LONE = "NOT EXISTS (SELECT 1 FROM job WHERE job.id = {table}.job_id)"


@dataclass(frozen=True)
class Orphans:
    """Rows of a table without a job."""

    table: str
    rows: int

    @property
    def text(self) -> str:
        """The number of rows in words."""
        return counted(self.rows, *TABLES.get(self.table, ("upload",)))


def lone_rows(reader: Reader, table: str) -> Orphans | None:
    """Return how many rows of a table have no job; None for none.

    Raises TookTooLong and StoreError.
    """
    where = _LONE.format(table=table)
    ((count,),) = reader.rows(f'SELECT count(*) FROM "{table}" WHERE {where}')
    return Orphans(table, count) if count else None


def lone_uploads(reader: Reader) -> Orphans | None:
    """Return how many uploads no job uses; None for none. Raises TookTooLong and StoreError."""
    used = "SELECT 1 FROM job WHERE job.upload_id = upload.id"
    ((count,),) = reader.rows(f"SELECT count(*) FROM upload WHERE NOT EXISTS ({used})")
    return Orphans("upload", count) if count else None


def delete_lone_rows(database: Database, table: str) -> int:
    """Delete the rows of a table that have no job, some at a time; return their number."""
    deleted: int = 0
    where = _LONE.format(table=table)
    key = "ctid" if database.postgresql else _key(database, table)
    some = f'SELECT {key} FROM "{table}" WHERE {where} LIMIT {BATCH}'
    delete = f'DELETE FROM "{table}" WHERE ({key}) IN ({some})'
    while True:
        with database.transaction():
            database.next_version(0)  # the lock that orders all changes: no job is being stored
            count: int = database.execute(delete).rowcount
        deleted += count
        if count < BATCH:
            return deleted


def delete_lone_uploads(database: Database) -> list[UUID]:
    """Delete the rows of uploads that no job uses; return their ids."""
    used = JobRow.select(JobRow.upload_id).where(JobRow.upload_id.is_null(False))
    lone = UploadRow.select(UploadRow.id).where(UploadRow.id.not_in(used))
    ids = [row["id"] for row in database.rows(lone)]
    deleted = list[UUID]()
    for start in range(0, len(ids), BATCH):
        with database.transaction():
            database.next_version(0)
            deleted += delete_unused_uploads(database, set(ids[start : start + BATCH]))
    return deleted


def _key(database: Database, table: str) -> str:
    """Return the columns of the primary key of a SQLite table: some tables have no rowid."""
    columns = database.execute(
        f'SELECT name FROM pragma_table_info("{table}") WHERE pk ORDER BY pk'
    )
    return ", ".join(f'"{name}"' for (name,) in columns.fetchall())
