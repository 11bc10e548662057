"""Tables of jobs, attempts, uploads and runners, and the version sequence."""

from typing import Any

import peewee as pw

TABLES = """
CREATE TABLE upload (
    id {uuid} PRIMARY KEY,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE TABLE job (
    id {uuid} PRIMARY KEY,
    type TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    payload TEXT NOT NULL,
    result TEXT,
    error TEXT,
    progress TEXT,
    attempt INTEGER NOT NULL,
    retry_count INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    timeout DOUBLE PRECISION,
    created_at BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    cancel_requested_at BIGINT,
    locked_by TEXT,
    version BIGINT NOT NULL,
    upload_id {uuid} REFERENCES upload (id),
    CHECK ((status = 'running') = (locked_by IS NOT NULL)),
    CHECK ((finished_at IS NULL) = (status IN ('queued', 'running')))
);
CREATE INDEX job_due ON job (priority DESC, run_at, id) WHERE status = 'queued';
CREATE INDEX job_run_at ON job (run_at) WHERE status = 'queued';
CREATE INDEX job_running ON job (locked_by) WHERE status = 'running';
CREATE INDEX job_by_status ON job (status, id);
CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX job_upload ON job (upload_id) WHERE upload_id IS NOT NULL;
CREATE TABLE attempt (
    job_id {uuid} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    runner TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    outcome TEXT,
    error TEXT,
    cpu_seconds DOUBLE PRECISION,
    peak_memory_bytes BIGINT,
    PRIMARY KEY (job_id, number)
);
CREATE TABLE runner (
    name TEXT PRIMARY KEY,
    slots INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    lease_expires_at BIGINT
);
CREATE TABLE version (id INTEGER PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO version (id, value) VALUES (1, 0)
"""


def up(migrator: Any, db: Any) -> None:
    """Create all tables and indexes."""
    uuid = "UUID" if isinstance(db, pw.PostgresqlDatabase) else "TEXT"
    for statement in TABLES.format(uuid=uuid).split(";\n"):
        db.execute_sql(statement)
