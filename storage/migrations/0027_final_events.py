"""Gives the final jobs from before the table `event` an event: retention finds jobs by events."""

from typing import Any

OLDEST = "0018_release"
INSERT = """
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT version, id, NULL, FALSE, status, attempt, run_at, started_at, finished_at,
    cancel_requested_at FROM job WHERE finished_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM event WHERE event.version = job.version)"""


def up(migrator: Any, db: Any) -> None:
    """Insert the events."""
    db.execute_sql(INSERT)
