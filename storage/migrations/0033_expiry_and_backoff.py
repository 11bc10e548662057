"""When a job expires that has not started, and how long it waits before each retry.

The index holds only queued jobs that expire, by that time.
"""

from typing import Any

OLDEST = "0018_release"
SCANS = {"job": 1}
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN expires_at BIGINT",
    "ALTER TABLE job ADD COLUMN backoff TEXT",
    "CREATE INDEX job_expires ON job (expires_at)"
    " WHERE expires_at IS NOT NULL AND status = 'queued'",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the index."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
