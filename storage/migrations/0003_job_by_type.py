"""One index on type and status together. A list by only one of them merges ranges of this index."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Replace the index on status by an index on type, status and id."""
    db.execute_sql("CREATE INDEX job_by_type ON job (type, status, id)")
    db.execute_sql("DROP INDEX job_by_status")
