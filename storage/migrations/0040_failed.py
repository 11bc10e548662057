"""An index on failed jobs by the time of their end, for the list of failures.

Jobs that do not fail never enter it. The columns `type` and `queue` let filters pass over other
jobs without reading them.
"""

from typing import Any

OLDEST = "0018_release"
SCANS = {"job": 1}
INDEX = "CREATE INDEX job_failed ON job (finished_at, id, type, queue) WHERE status = 'failed'"


def up(migrator: Any, db: Any) -> None:
    """Create the index."""
    db.execute_sql(INDEX)
