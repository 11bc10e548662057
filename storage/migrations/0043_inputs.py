"""Jobs that pass their results on to jobs that wait for them."""

from typing import Any

OLDEST = "0018_release"


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE dependency ADD COLUMN passes BOOLEAN NOT NULL DEFAULT FALSE")
