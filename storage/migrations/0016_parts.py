"""Parts of jobs that are split. A trigger deletes them when their job becomes final."""

from typing import Any

import peewee as pw

STATEMENTS = (
    """
CREATE TABLE part (
    job_id {uuid} NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'running', 'ending', 'ended', 'failed', 'done')),
    spec TEXT NOT NULL,
    progress TEXT NOT NULL,
    runner TEXT,
    tries INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    result TEXT,
    error TEXT,
    cpu_seconds DOUBLE PRECISION,
    peak_memory_bytes BIGINT,
    PRIMARY KEY (job_id, number),
    CHECK ((status IN ('running', 'ending')) = (runner IS NOT NULL))
)""",
    "CREATE INDEX part_queued ON part (job_id, number) WHERE status = 'queued'",
    "CREATE INDEX part_running ON part (runner) WHERE runner IS NOT NULL",
)
# Only jobs with an uploaded file are split, so the trigger costs nothing for others.
OCCASION = (
    "UPDATE OF status ON job FOR EACH ROW"
    " WHEN (NEW.upload_id IS NOT NULL AND NEW.finished_at IS NOT NULL)"
)
DELETE = "DELETE FROM part WHERE job_id = NEW.id;"
SQLITE = (f"CREATE TRIGGER part_final AFTER {OCCASION} BEGIN {DELETE} END",)
POSTGRESQL = (
    f"""
CREATE FUNCTION part_final() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {DELETE}
    RETURN NULL;
END $$""",
    f"CREATE TRIGGER part_final AFTER {OCCASION} EXECUTE FUNCTION part_final()",
)


def up(migrator: Any, db: Any) -> None:
    """Create the table, its indexes and its trigger."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid="UUID" if postgresql else "TEXT"))
    for statement in POSTGRESQL if postgresql else SQLITE:
        db.execute_sql(statement)
