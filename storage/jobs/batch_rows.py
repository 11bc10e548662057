"""Rows of batches: how far a batch is, their list, and the deletion of batches without jobs.

The jobs of a batch are found by their ids: see `storage/records/ids.py`.
"""

import json
import time
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import BatchRow, JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row
from storage.jobs.rows import predecessor_ids
from storage.records.batch import Batch, BatchPage, BatchProgress, PipelineJob
from storage.records.ids import id_in_batch, last_id_in_batch
from storage.records.states import Status

PAGE = 100
"""How many batches one query reads for a list."""
PAGE_SECONDS = 0.2
SWEEP_BATCHES = 500
"""How many batches one sweep looks at."""
_COLUMNS = (
    BatchRow.id,
    BatchRow.created_at,
    BatchRow.submitted_by,
    BatchRow.size,
    BatchRow.refused,
    BatchRow.refusals,
    BatchRow.then_id,
)
"""All but the names: they are long, and few calls need them."""


def find_batch(database: Database, batch_id: UUID) -> Batch | None:
    """Return a batch, None if there is none with this id."""
    rows = database.rows(BatchRow.select(*_COLUMNS).where(BatchRow.id == batch_id))
    return _batch(rows[0]) if rows else None


def names_in_batch(database: Database, batch_id: UUID) -> dict[str, int]:
    """Return the indexes of the jobs of a batch that have names, by name."""
    rows = database.rows(BatchRow.select(BatchRow.names).where(BatchRow.id == batch_id))
    text = rows[0]["names"] if rows else None
    return json.loads(text) if text else {}


def batch_progress(database: Database, batch_id: UUID) -> BatchProgress | None:
    """Return how far a batch is, None if there is none with this id."""
    batch = find_batch(database, batch_id)
    return _progress_of(database, batch) if batch else None


def list_batches(
    database: Database, limit: int, before: UUID | None, owner: str | None
) -> BatchPage:
    """Return up to `limit` batches before this one, of one caller or of all, newest first.

    The page is shorter if it takes longer than PAGE_SECONDS: a batch can have many jobs to count.
    """
    until = time.monotonic() + PAGE_SECONDS
    select = database.statement(("page of batches", PAGE), _select_page)
    found: list[BatchProgress] = []
    first = last = before or UUID(int=(1 << 128) - 1)
    while True:
        rows = database.fetch(select, {"before": last})
        for row in rows:
            if len(found) == limit or (last != first and time.monotonic() > until):
                return BatchPage(found, last)
            last = row["id"]
            if owner is None or row["submitted_by"] == owner:
                found.append(_progress_of(database, _batch(row)))
        if len(rows) < PAGE:
            return BatchPage(found, None)


def _progress_of(database: Database, batch: Batch) -> BatchProgress:
    count = database.statement("count of batch", _select_counts)
    ids = {"first": id_in_batch(batch.id, 0), "last": last_id_in_batch(batch.id)}
    rows = database.fetch(count, ids)
    counts = {Status(row["status"]): int(row["count"]) for row in rows}
    ends = [row["finished_at"] for row in rows if row["finished_at"] is not None]
    return BatchProgress(batch, counts, max(ends, default=None))


def pipeline_jobs(database: Database, batch: Batch) -> list[PipelineJob]:
    """Return the jobs of a batch that exist, in their order, and then the one that follows."""
    indexes = names_in_batch(database, batch.id)
    names = {id_in_batch(batch.id, index): name for name, index in indexes.items()}
    columns = JobRow.id, JobRow.type, JobRow.status, JobRow.submitted_by, JobRow.queue
    within = JobRow.id.between(id_in_batch(batch.id, 0), last_id_in_batch(batch.id))
    select = JobRow.select(*columns, JobRow.predecessors)
    rows = database.rows(select.where(within).order_by(JobRow.id))
    if batch.then_id:
        rows += database.rows(select.where(JobRow.id == batch.then_id))
    return [
        PipelineJob(
            row["id"],
            names.get(row["id"]),
            row["type"],
            Status(row["status"]),
            predecessor_ids(row["predecessors"]),
            row["submitted_by"],
            row["queue"],
        )
        for row in rows
    ]


class BatchSweep:
    """Deletes the rows of batches whose jobs are all deleted. For one thread."""

    def __init__(self, database: Database):
        self._database = database
        self._after = UUID(int=0)

    def run(self) -> bool:
        """Look at the next SWEEP_BATCHES batches. Returns whether more are left."""
        select = self._database.statement(("batches to sweep", SWEEP_BATCHES), _select_next)
        rows = self._database.fetch(select, {"after": self._after})
        has_more = len(rows) == SWEEP_BATCHES
        self._after = rows[-1]["id"] if has_more else UUID(int=0)
        empty = [row["id"] for row in rows if not row["has_job"]]
        if empty:
            self._database.run(BatchRow.delete().where(BatchRow.id.in_(empty)))
        return has_more


def _batch(row: Row) -> Batch:
    given = {field.name: row[field.name] for field in _COLUMNS}
    text = given["refusals"]
    return Batch(**{**given, "refusals": None if text is None else json.loads(text)})


def _select_counts() -> pw.Select:
    """Count the jobs with ids from `first` to `last` by their statuses."""
    within = (
        JobRow.id >= parameter(JobRow.id, "first"),
        JobRow.id <= parameter(JobRow.id, "last"),
    )
    count, end = pw.fn.COUNT(JobRow.id), pw.fn.MAX(JobRow.finished_at)
    columns = JobRow.status, count.alias("count"), end.alias("finished_at")
    return JobRow.select(*columns).where(*within).group_by(JobRow.status)


def _select_page() -> pw.Select:
    """Select the newest batches before one."""
    before = BatchRow.id < parameter(BatchRow.id, "before")
    return BatchRow.select(*_COLUMNS).where(before).order_by(BatchRow.id.desc()).limit(PAGE)


def _select_next() -> pw.Select:
    """Select the next batches, and whether they have a job, or one that follows."""
    jobs = JobRow.select(JobRow.id).where(JobRow.id > BatchRow.id, JobRow.id <= BatchRow.last_id)
    then = JobRow.alias()
    follows = then.select(then.id).where(then.id == BatchRow.then_id)
    has_job = pw.fn.EXISTS(jobs) | pw.fn.EXISTS(follows)
    columns = BatchRow.id, has_job.alias("has_job")
    after = BatchRow.id > parameter(BatchRow.id, "after")
    return BatchRow.select(*columns).where(after).order_by(BatchRow.id).limit(SWEEP_BATCHES)
