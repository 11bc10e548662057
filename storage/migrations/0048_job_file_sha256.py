"""Finds the files that jobs have left by their contents: a submission can name a file by its hash.

A job that has left no file has no entry in the index.
"""

from typing import Any

OLDEST = "0018_release"
SCANS = {"job_file": 1}


def up(migrator: Any, db: Any) -> None:
    """Create the index."""
    db.execute_sql("CREATE INDEX job_file_sha256 ON job_file (sha256)")
