"""The version before the transaction that changed the sequence last.

On SQLite, a start compares it with the file to find a WAL that does not belong to the file.
"""

from typing import Any

OLDEST = "0018_release"


def up(migrator: Any, db: Any) -> None:
    """Add the column `base` to the single row of the table `version`."""
    db.execute_sql("ALTER TABLE version ADD COLUMN base BIGINT")
