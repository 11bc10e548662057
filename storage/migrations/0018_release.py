"""The oldest release that works with the schema, by the last migration that this release must have.

Releases before this migration work with no newer schema.
"""

from typing import Any

OLDEST = "0018_release"
TABLE = "CREATE TABLE schema_release (id INTEGER PRIMARY KEY, oldest TEXT NOT NULL)"


def up(migrator: Any, db: Any) -> None:
    """Create the table with its single row."""
    db.execute_sql(TABLE)
    db.execute_sql(f"INSERT INTO schema_release (id, oldest) VALUES (1, '{OLDEST}')")
