"""Counts how often a job lost its worker, apart from its retries.

The defaults let programs of the previous release go on inserting jobs.
"""

from typing import Any

OLDEST = "0018_release"
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN loss_count INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN max_losses INTEGER NOT NULL DEFAULT 10",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns; existing jobs have lost no worker yet."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
