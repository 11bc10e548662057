"""Named queues with settings. A job is in one queue; a runner takes jobs from all or some."""

from typing import Any

STATEMENTS = """
CREATE TABLE queue (
    name TEXT PRIMARY KEY,
    max_running INTEGER,
    paused_at BIGINT
);
INSERT INTO queue (name) VALUES ('default');
ALTER TABLE job ADD COLUMN queue TEXT NOT NULL DEFAULT 'default';
ALTER TABLE runner ADD COLUMN queues TEXT;
DROP INDEX job_due;
DROP INDEX job_run_at;
CREATE INDEX job_due ON job (queue, priority DESC, run_at, id) WHERE status = 'queued';
CREATE INDEX job_run_at ON job (queue, run_at) WHERE status = 'queued'
"""


def up(migrator: Any, db: Any) -> None:
    """Create the table and the columns; existing jobs are in the queue `default`."""
    for statement in STATEMENTS.split(";\n"):
        db.execute_sql(statement)
