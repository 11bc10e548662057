"""Where the trace of a job goes on, for those that are traced."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add it; no job so far has one."""
    db.execute_sql("ALTER TABLE job ADD COLUMN traceparent TEXT")
