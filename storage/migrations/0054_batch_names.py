"""Add the names of the jobs of a batch, with which they refer to each other."""

from typing import Any

OLDEST = "0025_counter"
SQLITE = ("ALTER TABLE batch ADD COLUMN names TEXT",)
"""PostgreSQL takes the same statement."""


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    for statement in SQLITE:
        db.execute_sql(statement)
