"""Marks the log entries and the streams in the output of attempts.

Programs of the previous release leave the column out, and read the text as before.
"""

from typing import Any

OLDEST = "0018_release"


def up(migrator: Any, db: Any) -> None:
    """Add the column `marks` to pieces of output; earlier pieces have none."""
    db.execute_sql("ALTER TABLE output ADD COLUMN marks TEXT")
