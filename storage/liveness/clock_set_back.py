"""Makes jobs due that were scheduled while the clock was ahead."""

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.jobs.open_queues import IS_QUEUED
from storage.jobs.transitions import Transitions
from storage.records.states import RESCHEDULE

BATCH = 500


def reschedule(database: Database, now: int, usual_ms: int, longest_ms: int) -> int:
    """Make up to BATCH jobs due after the clock was set back; return how many.

    A job submitted to run at once becomes due now. A retry (by the service or a client) becomes due
    now if it would wait longer than the longest backoff: `usual_ms`, or `longest_ms` for a job with
    a backoff of its own. Jobs that were submitted for a time of day keep it.
    """
    at_once = (JobRow.attempt == 0) & (JobRow.run_at == JobRow.created_at)
    again = (JobRow.attempt > 0) | (JobRow.client_retries > 0)
    longest = pw.Case(None, [(JobRow.backoff.is_null(), usual_ms)], longest_ms)
    too_long = again & (JobRow.run_at > longest + now)
    waiting = JobRow.select(JobRow.id).where(IS_QUEUED, JobRow.run_at > now, at_once | too_long)
    transitions = Transitions(database)
    with database.transaction():
        database.next_version(0)  # before any job is locked: all changes lock in this order
        rows = database.rows(database.engine.skip_locked(waiting.limit(BATCH)))
        return sum(transitions.apply(RESCHEDULE, row["id"], now, run_at=now) for row in rows)
