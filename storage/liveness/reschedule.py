"""Makes jobs due that wait for a time which was written while the clock was ahead."""

from storage.db.database import Database
from storage.db.models import JobRow
from storage.jobs.open_queues import IS_QUEUED
from storage.jobs.transitions import Transitions
from storage.records.states import RESCHEDULE

BATCH = 500


def reschedule(database: Database, now: int, longest_backoff_ms: int) -> int:
    """Make up to BATCH jobs due, after the clock was set back; how many there were.

    A job that was to run at once waits for nothing, and one that runs again, by itself or for a
    client, for no more than the backoff. Whoever asked for a time of the day gets it by the clock
    as it is now.
    """
    at_once = (JobRow.attempt == 0) & (JobRow.run_at == JobRow.created_at)
    again = (JobRow.attempt > 0) | (JobRow.client_retries > 0)
    too_long = again & (JobRow.run_at > now + longest_backoff_ms)
    waiting = JobRow.select(JobRow.id).where(IS_QUEUED, JobRow.run_at > now, at_once | too_long)
    moves = Transitions(database)
    with database.transaction():
        database.next_version(0)  # before any job is locked, as in all other changes
        rows = database.rows(database.for_update(waiting.limit(BATCH)))
        return sum(moves.apply(RESCHEDULE, row["id"], now, run_at=now) for row in rows)
