"""Idempotency keys: a client that sends a submission several times creates one job."""

from typing import Any

import peewee as pw

TABLE = """
CREATE TABLE submission_key (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    job_id {uuid} NOT NULL REFERENCES job (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX submission_key_job ON submission_key (job_id)
"""


def up(migrator: Any, db: Any) -> None:
    """Create the table. Its foreign key is deferred, because a key is stored before its job."""
    uuid = "UUID" if isinstance(db, pw.PostgresqlDatabase) else "TEXT"
    for statement in TABLE.format(uuid=uuid).split(";\n"):
        db.execute_sql(statement)
