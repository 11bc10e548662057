"""The job that runs when all jobs of a batch have ended."""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
SCANS = {"batch": 1}
STATEMENTS = (
    "ALTER TABLE batch ADD COLUMN then_id {uuid}",
    "ALTER TABLE batch ADD COLUMN unfinished_id {uuid}",
    "CREATE INDEX batch_then ON batch (then_id) WHERE then_id IS NOT NULL",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the index."""
    kind = "UUID" if isinstance(db, pw.PostgresqlDatabase) else "TEXT"
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=kind))
