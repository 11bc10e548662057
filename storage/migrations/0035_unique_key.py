"""Unique keys of jobs. The index is unique over the jobs that hold their keys.

So the database itself refuses a second holder, whatever program stores it. `HOLDS_KEY` in
`storage/jobs/unique_keys.py` repeats the condition word for word.
"""

from typing import Any

OLDEST = "0018_release"
SCANS = {"job": 1}
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN unique_key TEXT",
    "ALTER TABLE job ADD COLUMN unique_scope TEXT",
    "CREATE UNIQUE INDEX job_unique_key ON job (unique_key) WHERE unique_key IS NOT NULL"
    " AND (unique_scope = 'final'"
    " OR unique_scope = 'running' AND status IN ('queued', 'running')"
    " OR status = 'queued' AND attempt = 0)",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the index."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
