"""Drops an index that each completion writes to, and that only the previous release needs."""

from typing import Any

OLDEST = "0025_counter"
CONTRACT = True
DROPPED = ("the index job_finished",)


def up(migrator: Any, db: Any) -> None:
    """Drop it."""
    db.execute_sql("DROP INDEX job_finished")
