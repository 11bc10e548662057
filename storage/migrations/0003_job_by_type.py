"""Lists are found by type and status together; a list of either alone is a merge of those."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Have the index by status begin with the type."""
    db.execute_sql("CREATE INDEX job_by_type ON job (type, status, id)")
    db.execute_sql("DROP INDEX job_by_status")
