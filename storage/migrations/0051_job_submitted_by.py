"""Finds the jobs of one caller: a token with the role read-own sees no others.

A service without tokens has no entry in the index.
"""

from typing import Any

OLDEST = "0018_release"
SCANS = {"job": 1}


def up(migrator: Any, db: Any) -> None:
    """Create the index."""
    db.execute_sql(
        "CREATE INDEX job_submitted_by ON job (submitted_by, id) WHERE submitted_by IS NOT NULL"
    )
