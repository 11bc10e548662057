"""A migration of a later release, with which the release before it works."""

from typing import Any

OLDEST = "0025_counter"
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN mood TEXT",
    "ALTER TABLE attempt ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "CREATE TABLE mood (name TEXT PRIMARY KEY, since BIGINT NOT NULL)",
    "CREATE INDEX job_mood ON job (mood) WHERE mood IS NOT NULL",
)


def up(migrator: Any, db: Any) -> None:
    """Add columns, a table and an index."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
