"""The limits that a job has by itself, and the limits of each worker, as JSON.

A worker of an earlier release runs such jobs, too, with its own limits only.
"""

from typing import Any

OLDEST = "0018_release"
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN limits TEXT",
    "ALTER TABLE runner ADD COLUMN limits TEXT",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
