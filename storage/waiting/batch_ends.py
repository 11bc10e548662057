"""Releases the job that follows a batch when all jobs of the batch have ended.

The batch remembers one job that had not ended at the last look. Only when that one ends, the next
one is looked for. So the ends of all jobs of a batch cost little, in whatever order they come.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import BatchRow, JobRow
from storage.db.parameters import parameter, unindexed
from storage.db.statements import Row
from storage.records.holds import Hold
from storage.records.ids import batch_id_of, id_in_batch
from storage.records.job import Job
from storage.records.states import FINAL
from storage.waiting.ended import EndedJob, Reacting
from storage.waiting.held import release
from storage.waiting.waits import SHOWN, Wait


def react(reacting: Reacting, ended: Sequence[EndedJob]) -> Collection[UUID]:
    """Release the jobs that follow the batches of ended jobs, if these were their last jobs."""
    database = reacting.database
    for batch_id in dict.fromkeys(batch_id_of(each.id) for each in ended):
        columns = BatchRow.id, BatchRow.last_id, BatchRow.then_id, BatchRow.unfinished_id
        is_followed = BatchRow.id == batch_id, BatchRow.then_id.is_null(False)
        query = BatchRow.select(*columns).where(*is_followed)
        for batch in database.rows(query):
            if not _has_unfinished(database, batch):
                release(database, [batch["then_id"]], Hold.BATCH, reacting.now)
                reacting.budget -= 1
    return ()


def wait_for_batch(database: Database, job: Job) -> Wait:
    """Tell for which jobs of its batch a job waits that follows the batch."""
    ids: list[UUID] = []
    columns = BatchRow.id, BatchRow.last_id
    for batch in database.rows(BatchRow.select(*columns).where(BatchRow.then_id == job.id)):
        within = JobRow.id.between(id_in_batch(batch["id"], 0), batch["last_id"])
        left = JobRow.select(JobRow.id).where(within, _is_unfinished()).order_by(JobRow.id)
        ids += [row["id"] for row in database.rows(left)]
    return Wait(Hold.BATCH, ids[:SHOWN], len(ids))


def _has_unfinished(database: Database, batch: Row) -> bool:
    """Return whether a job of a batch is not final, and remember this job."""
    known, last = batch["unfinished_id"], batch["last_id"]
    if known is not None and _newest_unfinished(database, known, known):
        return True
    first = id_in_batch(batch["id"], 0)
    found = _newest_unfinished(database, first, known) if known is not None else None
    # Jobs behind the known one had ended, but a client may have retried one since.
    found = found or _newest_unfinished(database, first, last)
    if found is not None:
        remember = BatchRow.update(unfinished_id=found).where(BatchRow.id == batch["id"])
        database.run(remember)
    return found is not None


def _newest_unfinished(database: Database, first: UUID, last: UUID) -> UUID | None:
    """Return the last job with an id from `first` to `last` that is not final, or None."""
    select = database.statement("newest unfinished", _select_newest_unfinished)
    rows = database.fetch(select, {"first": first, "last": last})
    return rows[0]["id"] if rows else None


def _select_newest_unfinished() -> pw.Select:
    within = (
        JobRow.id >= parameter(JobRow.id, "first"),
        JobRow.id <= parameter(JobRow.id, "last"),
    )
    some = JobRow.select(JobRow.id).where(*within, _is_unfinished())
    return some.order_by(JobRow.id.desc()).limit(1)


def _is_unfinished() -> pw.Expression:
    return pw.Expression(unindexed(JobRow.status), "NOT IN", sorted(FINAL))
