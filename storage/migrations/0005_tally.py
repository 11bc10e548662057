"""Counters of job events, updated in the transactions that change the jobs."""

from typing import Any

TABLE = """
CREATE TABLE tally (
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (type, name)
)
"""
# The number of queued jobs is computed from the number submitted minus finished and running. To
# make it correct from the start, existing jobs that are not final count as submitted.
BEGIN = """
INSERT INTO tally (type, name, value)
SELECT type, 'submitted', COUNT(*) FROM job WHERE finished_at IS NULL GROUP BY type
"""


def up(migrator: Any, db: Any) -> None:
    """Create the table, and count the existing jobs."""
    for statement in (TABLE, BEGIN):
        db.execute_sql(statement)
