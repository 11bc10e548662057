"""Keeps the traceback of an attempt that raised an exception.

Programs of the previous release leave it out, and end attempts without one.
"""

from typing import Any

OLDEST = "0018_release"


def up(migrator: Any, db: Any) -> None:
    """Add the column `traceback` to attempts; earlier attempts have none."""
    db.execute_sql("ALTER TABLE attempt ADD COLUMN traceback TEXT")
