"""One index for all jobs that are not final, and an index on types that no change of a job touches.

The indexes that they replace are still there, for programs of the previous release.
"""

from typing import Any

OLDEST = "0018_release"
STATEMENTS = (
    "CREATE INDEX job_unfinished ON job (status, queue, priority DESC, run_at, id, type, locked_by)"
    " WHERE finished_at IS NULL",
    # All jobs have a type. The condition keeps PostgreSQL from searching the whole index for an id,
    # which it may take for cheap as long as there are few jobs.
    "CREATE INDEX job_type ON job (type, id) WHERE type <> ''",
    # Lists of the jobs that did not succeed stay fast among many that did.
    "CREATE INDEX job_unsuccessful ON job (type, status, id)"
    " WHERE status IN ('failed', 'canceled')",
)


def up(migrator: Any, db: Any) -> None:
    """Create the indexes."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
