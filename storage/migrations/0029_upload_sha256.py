"""Finds uploads by their contents: a submission can ask for the result of an equal one."""

from typing import Any

OLDEST = "0018_release"
SCANS = {"upload": 1}


def up(migrator: Any, db: Any) -> None:
    """Create the index."""
    db.execute_sql("CREATE INDEX upload_sha256 ON upload (sha256)")
