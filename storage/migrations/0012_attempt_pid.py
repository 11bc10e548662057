"""Process id of an attempt."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE attempt ADD COLUMN pid INTEGER")
