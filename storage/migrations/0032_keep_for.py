"""How long a job is kept after its end, for jobs that say so themselves.

The index holds only these jobs, by the time at which they are deleted.
"""

from typing import Any

OLDEST = "0018_release"
SCANS = {"job": 1}
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN keep_ms BIGINT",
    "CREATE INDEX job_keep ON job ((finished_at + keep_ms)) WHERE keep_ms IS NOT NULL",
)


def up(migrator: Any, db: Any) -> None:
    """Add the column and its index."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
