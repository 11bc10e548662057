"""Drops what only the previous release needs."""

from typing import Any

OLDEST = "0023_unfinished"
CONTRACT = True
DROPPED = ("the indexes job_due, job_run_at, job_running and job_by_type",)
STATEMENTS = (
    "DROP INDEX job_due",
    "DROP INDEX job_run_at",
    "DROP INDEX job_running",
    "DROP INDEX job_by_type",
)


def up(migrator: Any, db: Any) -> None:
    """Drop the indexes."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
