"""Records the jobs that have missed their deadline, `finish_by`.

A worker of any release may end a job. So they are found by an index, not where jobs end.
"""

import peewee as pw

from storage.db.database import Database
from storage.db.models import EventRow, JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row
from storage.notify.wakeup import LISTENER, Wakeup, notifying_transaction

BATCH = 100
"""How many jobs a transaction records, so that other writers get their turn."""
# Literals: a database uses a partial index only if it can prove the index's condition.
_MAY_MISS = (
    pw.SQL("finish_by IS NOT NULL"),
    pw.SQL("missed_at IS NULL"),
    pw.SQL("(finished_at IS NULL OR finished_at > finish_by)"),
)


def record_missed(database: Database, wakeup: Wakeup, now: int) -> bool:
    """Record up to BATCH jobs that were not final at their deadline, each once.

    Each gets an event and is counted. Returns whether there may be more.
    """
    missed = database.statement(("missed", BATCH), _select_missed)
    rows = database.fetch(missed, {"now": now})
    if rows:
        with notifying_transaction(wakeup, database, LISTENER):
            for row in rows:
                _record(database, row, now)
    return len(rows) == BATCH


def _record(database: Database, row: Row, now: int) -> None:
    version = database.next_version()
    record = database.statement("record missed", _update_missed)
    values = {"job_id": row["id"], "missed_at": now, "version": version}
    if database.change(record, values):
        mark = database.statement("mark missed", _mark_event)
        database.change(mark, {"version": version})
        database.counters.add(row["type"], "deadline_missed")


def _select_missed() -> pw.Select:
    some = JobRow.select(JobRow.id, JobRow.type)
    due = some.where(*_MAY_MISS, JobRow.finish_by < parameter(JobRow.finish_by, "now"))
    return due.order_by(JobRow.finish_by).limit(BATCH)


def _update_missed() -> pw.Update:
    # On SQLite, an UPDATE that names the progress makes an event that leaves the status as it is.
    changes = {"missed_at": parameter(JobRow.missed_at), "progress": JobRow.progress}
    update = JobRow.update(version=parameter(JobRow.version), **changes)
    return update.where(JobRow.id == parameter(JobRow.id, "job_id"), *_MAY_MISS)


def _mark_event() -> pw.Update:
    """Keep the event of the change, which was made as one of progress."""
    changes = {"is_missed": pw.SQL("TRUE"), "is_progress": pw.SQL("FALSE")}
    return EventRow.update(**changes).where(EventRow.version == parameter(EventRow.version))
