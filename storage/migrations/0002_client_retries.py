"""Number of times that clients retried a final job."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; existing jobs get 0."""
    db.execute_sql("ALTER TABLE job ADD COLUMN client_retries INTEGER NOT NULL DEFAULT 0")
