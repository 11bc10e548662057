"""Jobs that wait for others. A trigger deletes what a job waits for with the job.

A job has its predecessors twice: as JSON in its own row, as it was submitted, and a row of
`dependency` for each of them that has not ended yet.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN predecessors TEXT",
    """
CREATE TABLE dependency (
    predecessor_id {uuid} NOT NULL,
    job_id {uuid} NOT NULL,
    cancels BOOLEAN NOT NULL,
    PRIMARY KEY (predecessor_id, job_id)
) {options}""",
    "CREATE INDEX dependency_job ON dependency (job_id)",
)
DELETE = "DELETE FROM dependency WHERE job_id = OLD.id;"
OCCASION = "AFTER DELETE ON job FOR EACH ROW WHEN (OLD.predecessors IS NOT NULL)"
SQLITE = (f"CREATE TRIGGER dependency_delete {OCCASION} BEGIN {DELETE} END",)
POSTGRESQL = (
    f"""
CREATE FUNCTION dependency_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {DELETE}
    RETURN NULL;
END $$""",
    f"CREATE TRIGGER dependency_delete {OCCASION} EXECUTE FUNCTION dependency_delete()",
)


def up(migrator: Any, db: Any) -> None:
    """Add the column, the table and its trigger."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    kind, options = ("UUID", "") if postgresql else ("TEXT", "WITHOUT ROWID")
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=kind, options=options))
    for statement in POSTGRESQL if postgresql else SQLITE:
        db.execute_sql(statement)
