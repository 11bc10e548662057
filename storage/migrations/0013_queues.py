"""Named queues: each job is in one, each has settings, and a runner takes all or some of them."""

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
    """Add them; all jobs so far are in the queue `default`."""
    for statement in STATEMENTS.split(";\n"):
        db.execute_sql(statement)
