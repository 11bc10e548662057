"""Drops what only the previous release needs."""

from typing import Any

import peewee as pw

OLDEST = "0025_counter"
CONTRACT = True
DROPPED = (
    "the indexes job_due, job_running, job_by_type and, on SQLite, job_run_at",
    "the triggers that copied first attempts into the table attempt",
    "the tables version and tally, and the triggers that kept them equal to counter",
)
STATEMENTS = (
    "DROP INDEX job_due",
    "DROP INDEX job_running",
    "DROP INDEX job_by_type",
)
TRIGGERS = (
    ("first_attempt_begin", "job"),
    ("first_attempt_end", "job"),
    ("counter_from_version", "version"),
    ("version_from_counter", "counter"),
    ("counter_from_new_tally", "tally"),
    ("counter_from_tally", "tally"),
    ("tally_from_new_counter", "counter"),
    ("tally_from_counter", "counter"),
)


def up(migrator: Any, db: Any) -> None:
    """Drop them."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    if not postgresql:  # PostgreSQL finds the first due job of a queue by this index
        db.execute_sql("DROP INDEX job_run_at")
    before_counter = (("version_before_counter", "counter"),) if postgresql else ()
    for name, table in (*TRIGGERS, *before_counter):
        db.execute_sql(f"DROP TRIGGER {name} ON {table}" if postgresql else f"DROP TRIGGER {name}")
        if postgresql:
            db.execute_sql(f"DROP FUNCTION {name}()")
    for table in ("tally", "version"):
        db.execute_sql(f"DROP TABLE {table}")
