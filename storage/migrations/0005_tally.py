"""What has happened to jobs, counted in the transactions that made it happen."""

from typing import Any

TABLE = """
CREATE TABLE tally (
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (type, name)
)
"""
# What is queued is told from what was submitted and has not ended: so that this is true from the
# start, jobs that are not final now count as submitted.
BEGIN = """
INSERT INTO tally (type, name, value)
SELECT type, 'submitted', COUNT(*) FROM job WHERE finished_at IS NULL GROUP BY type
"""


def up(migrator: Any, db: Any) -> None:
    """Create the table, and count what is there."""
    for statement in (TABLE, BEGIN):
        db.execute_sql(statement)
