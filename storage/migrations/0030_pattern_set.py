"""Pattern sets: patterns that are saved under a name, for jobs of the type analyze."""

from typing import Any

OLDEST = "0018_release"
TABLE = """
CREATE TABLE pattern_set (
    name TEXT PRIMARY KEY,
    patterns TEXT NOT NULL,
    pattern_count INTEGER NOT NULL,
    description TEXT NOT NULL,
    created_by TEXT,
    changed_by TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version INTEGER NOT NULL
)
"""


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    db.execute_sql(TABLE)
