"""The `traceparent` of traced jobs, from which their trace continues."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; existing jobs are not traced."""
    db.execute_sql("ALTER TABLE job ADD COLUMN traceparent TEXT")
