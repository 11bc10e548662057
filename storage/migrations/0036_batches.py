"""Batches: many jobs that were submitted by one call.

The jobs of a batch are found by their ids, which follow the id of the batch, so no index is needed.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN batch_id {uuid}",
    """
CREATE TABLE batch (
    id {uuid} PRIMARY KEY,
    last_id {uuid} NOT NULL,
    created_at BIGINT NOT NULL,
    submitted_by TEXT,
    size INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    refusals TEXT
)""",
)


def up(migrator: Any, db: Any) -> None:
    """Add the column and the table."""
    kind = "UUID" if isinstance(db, pw.PostgresqlDatabase) else "TEXT"
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=kind))
