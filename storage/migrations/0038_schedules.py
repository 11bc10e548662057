"""Schedules, their firings, and the schedule and the nominal time of jobs.

The first index finds the schedules that are due. The second one has only jobs of schedules, so no
other job costs the time to enter it.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
SCANS = {"job": 1}
STATEMENTS = (
    """
CREATE TABLE schedule (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    job_payload TEXT,
    options TEXT NOT NULL,
    template TEXT NOT NULL,
    cron TEXT,
    every INTEGER,
    timezone TEXT NOT NULL,
    missed TEXT NOT NULL,
    overlap TEXT NOT NULL,
    paused_at BIGINT,
    until BIGINT,
    next_at BIGINT,
    anchor_at BIGINT NOT NULL,
    last_nominal_at BIGINT,
    last_job_id {uuid},
    created_by TEXT,
    changed_by TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version INTEGER NOT NULL
)""",
    "CREATE INDEX schedule_next ON schedule (next_at) WHERE next_at IS NOT NULL",
    """
CREATE TABLE firing (
    schedule TEXT NOT NULL,
    nominal_at BIGINT NOT NULL,
    fired_at BIGINT NOT NULL,
    job_id {uuid},
    outcome TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (schedule, nominal_at)
) {options}""",
    "ALTER TABLE job ADD COLUMN schedule TEXT",
    "ALTER TABLE job ADD COLUMN nominal_at BIGINT",
    "CREATE INDEX job_by_schedule ON job (schedule, id) WHERE schedule IS NOT NULL",
)


def up(migrator: Any, db: Any) -> None:
    """Add the tables, the columns and the indexes."""
    is_postgresql = isinstance(db, pw.PostgresqlDatabase)
    kind, options = ("UUID", "") if is_postgresql else ("TEXT", "WITHOUT ROWID")
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=kind, options=options))
