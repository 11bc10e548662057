"""The counters at moments of the last hour, for charts."""

from typing import Any

TABLE = """
CREATE TABLE moment (
    at BIGINT PRIMARY KEY,
    submitted BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    waits BIGINT NOT NULL,
    waited_ms BIGINT NOT NULL
)
"""


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    db.execute_sql(TABLE)
