"""The output that attempts print. A trigger deletes it with its job."""

from typing import Any

import peewee as pw

TABLE = """
CREATE TABLE output (
    version {integer} PRIMARY KEY,
    job_id {uuid} NOT NULL,
    attempt INTEGER NOT NULL,
    position BIGINT NOT NULL,
    text {bytes} NOT NULL
)"""
INDEX = "CREATE UNIQUE INDEX output_of_attempt ON output (job_id, attempt, position)"
DELETE = "DELETE FROM output WHERE job_id = OLD.id;"
SQLITE = (f"CREATE TRIGGER output_delete AFTER DELETE ON job BEGIN {DELETE} END",)
POSTGRESQL = (
    f"""
CREATE FUNCTION output_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {DELETE}
    RETURN NULL;
END $$""",
    """
CREATE TRIGGER output_delete AFTER DELETE ON job FOR EACH ROW EXECUTE FUNCTION output_delete()""",
)


def up(migrator: Any, db: Any) -> None:
    """Create the table, its index and its trigger."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    kinds = ("BIGINT", "UUID", "BYTEA") if postgresql else ("INTEGER", "TEXT", "BLOB")
    table = TABLE.format(integer=kinds[0], uuid=kinds[1], bytes=kinds[2])
    for statement in (table, INDEX, *(POSTGRESQL if postgresql else SQLITE)):
        db.execute_sql(statement)
