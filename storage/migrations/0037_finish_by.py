"""When a job has to be finished, and whether it has missed that time.

The index holds only jobs that are not final or ended too late, until that is recorded. A job that
ends in time leaves it.
"""

from typing import Any

OLDEST = "0018_release"
SCANS = {"job": 1}
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN finish_by BIGINT",
    "ALTER TABLE job ADD COLUMN missed_at BIGINT",
    "ALTER TABLE event ADD COLUMN is_missed BOOLEAN",
    "CREATE INDEX job_finish_by ON job (finish_by) WHERE finish_by IS NOT NULL"
    " AND missed_at IS NULL AND (finished_at IS NULL OR finished_at > finish_by)",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the index."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
