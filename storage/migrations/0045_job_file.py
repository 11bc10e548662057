"""The files that jobs leave. A trigger deletes their rows with the job.

The previous release deletes jobs, too, and knows nothing of their files. The sweep of this release
finds the bytes without a row. `file_count` of a job is null if it has left no files, so that no
other job is looked up in the table.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN file_count INTEGER",
    """
CREATE TABLE job_file (
    job_id {uuid} NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    size BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    file_id {uuid} NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (job_id, name)
) {options}""",
)
DELETE = "DELETE FROM job_file WHERE job_id = OLD.id;"
OCCASION = "AFTER DELETE ON job FOR EACH ROW WHEN (OLD.file_count IS NOT NULL)"
SQLITE = (f"CREATE TRIGGER job_file_delete {OCCASION} BEGIN {DELETE} END",)
POSTGRESQL = (
    f"""
CREATE FUNCTION job_file_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {DELETE}
    RETURN NULL;
END $$""",
    f"CREATE TRIGGER job_file_delete {OCCASION} EXECUTE FUNCTION job_file_delete()",
)


def up(migrator: Any, db: Any) -> None:
    """Add the column, the table and its trigger."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    kind, options = ("UUID", "") if postgresql else ("TEXT", "WITHOUT ROWID")
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=kind, options=options))
    for statement in POSTGRESQL if postgresql else SQLITE:
        db.execute_sql(statement)
