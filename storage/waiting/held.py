"""Holds new jobs, and releases them. Several things can hold one job: it waits for all of them."""

from collections.abc import Sequence
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import key_equals, parameter, unindexed
from storage.db.statements import Row
from storage.jobs.rows import rows_for_ids
from storage.jobs.statements import guarded_update
from storage.records.holds import HELD, Hold
from storage.records.states import RESCHEDULE, Status

# As an expression, so that PostgreSQL does not read all held jobs by its index to find a few.
_IS_HELD = (
    pw.Expression(JobRow.run_at, "+", 0) == HELD,
    unindexed(JobRow.status) == Status.QUEUED,
    JobRow.holds.is_null(False),
)


def hold(row: Row, kind: Hold) -> None:
    """Hold a new job, given as its row before it is stored."""
    if not row.get("holds"):
        row.update(due_at=row["run_at"], run_at=HELD, holds=0)
    row["holds"] |= kind


def held_by(database: Database, ids: Sequence[UUID], kind: Hold) -> list[UUID]:
    """Return which of the jobs have this hold."""
    found = _holds(database, ids)
    return [job_id for job_id in ids if found.get(job_id, 0) & kind]


def release(database: Database, ids: Sequence[UUID], kind: Hold, now: int) -> list[UUID]:
    """Take one hold from jobs. A job without another hold is due at its own time, or now.

    Leaves jobs without this hold alone. Returns the ids of the jobs that wait no longer; the caller
    must wake their workers. Only inside a transaction that holds the version lock.
    """
    found = _holds(database, ids)
    mine = [job_id for job_id in dict.fromkeys(ids) if job_id in found]
    rest = [job_id for job_id in mine if found[job_id] & ~kind]
    if rest:
        lighten = database.statement(("lighten", kind), lambda: _lighten(kind))
        database.change_each_deferred(lighten, [{"job_id": job_id} for job_id in rest])
    free = [job_id for job_id in mine if not found[job_id] & ~kind]
    if free:
        first = database.next_version_offset(len(free)) + len(free) - 1
        rows = [{"job_id": each, "now": now, "version": first - n} for n, each in enumerate(free)]
        database.change_each_deferred(database.statement("release", _release), rows)
    return free


def _holds(database: Database, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return what holds each of these jobs that is held."""
    rows = rows_for_ids(database, "held", _select_held, JobRow.id, ids)
    return {row["id"]: row["holds"] for row in rows}


def _select_held() -> pw.Select:
    return JobRow.select(JobRow.id, JobRow.holds).where(*_IS_HELD)


def _lighten(kind: Hold) -> pw.Update:
    """Build the UPDATE that takes one of several holds from a job."""
    fewer = JobRow.holds.bin_and(pw.SQL(str(~kind.value)))
    return JobRow.update(holds=fewer).where(key_equals(JobRow.id, "job_id"))


def _release() -> pw.Update:
    """Build the UPDATE that releases a held job, like a transition.

    A job that was submitted to run at once is due now, also if the clock was set back since.
    """
    now = parameter(JobRow.run_at, "now")
    is_later = (JobRow.due_at > now) & (JobRow.due_at != JobRow.created_at)
    run_at = pw.Case(None, [(is_later, JobRow.due_at)], now)
    changes = {"run_at": run_at, "due_at": pw.Value(None), "holds": pw.Value(None)}
    return guarded_update(RESCHEDULE, changes).where(*_IS_HELD)
