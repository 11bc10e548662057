"""The outbox of callbacks for all jobs, and up to which version the ends of jobs are in it.

No trigger fills it: a listener reads the events of ends, which workers of each release cause.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
STATEMENTS = (
    """
CREATE TABLE service_callback (
    name TEXT NOT NULL,
    job_id {uuid} NOT NULL,
    due_at BIGINT NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (name, job_id)
)""",
    "CREATE INDEX service_callback_due ON service_callback (due_at)",
    "CREATE TABLE callback_position (name TEXT PRIMARY KEY, version BIGINT NOT NULL)",
)


def up(migrator: Any, db: Any) -> None:
    """Create the tables."""
    uuid = "UUID" if isinstance(db, pw.PostgresqlDatabase) else "TEXT"
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=uuid))
