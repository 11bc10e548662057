"""Drops what only the previous release needs."""

from typing import Any

import peewee as pw

OLDEST = "0024_first_attempt"
CONTRACT = True
DROPPED = (
    "the indexes job_due, job_run_at, job_running and job_by_type",
    "the triggers that copied first attempts into the table attempt",
)
STATEMENTS = (
    "DROP INDEX job_due",
    "DROP INDEX job_run_at",
    "DROP INDEX job_running",
    "DROP INDEX job_by_type",
)
TRIGGERS = (("first_attempt_begin", "job"), ("first_attempt_end", "job"))


def up(migrator: Any, db: Any) -> None:
    """Drop them."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    for name, table in TRIGGERS:
        db.execute_sql(f"DROP TRIGGER {name} ON {table}" if postgresql else f"DROP TRIGGER {name}")
        if postgresql:
            db.execute_sql(f"DROP FUNCTION {name}()")
