"""How often a client had a final job retried."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; so far, nobody had."""
    db.execute_sql("ALTER TABLE job ADD COLUMN client_retries INTEGER NOT NULL DEFAULT 0")
