"""Tags and metadata of jobs. A trigger deletes the tags of a job with it.

A job has its tags twice: as a JSON list in its own row, which is read with the job, and as rows of
`job_tag`, which find the jobs with a tag, newest first.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN tags TEXT",
    "ALTER TABLE job ADD COLUMN metadata TEXT",
    """
CREATE TABLE job_tag (
    tag TEXT NOT NULL,
    job_id {uuid} NOT NULL,
    PRIMARY KEY (tag, job_id)
) {options}""",
)
DELETE = "DELETE FROM job_tag WHERE job_id = OLD.id AND tag IN (SELECT {values});"
OCCASION = "AFTER DELETE ON job FOR EACH ROW WHEN (OLD.tags IS NOT NULL)"
SQLITE = (f"CREATE TRIGGER job_tag_delete {OCCASION} BEGIN {{delete}} END",)
POSTGRESQL = (
    """
CREATE FUNCTION job_tag_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {delete}
    RETURN NULL;
END $$""",
    f"CREATE TRIGGER job_tag_delete {OCCASION} EXECUTE FUNCTION job_tag_delete()",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns, the table and its trigger."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    kind, options = ("UUID", "") if postgresql else ("TEXT", "WITHOUT ROWID")
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=kind, options=options))
    values = "json_array_elements_text(OLD.tags::json)"
    delete = DELETE.format(values=values if postgresql else "value FROM json_each(OLD.tags)")
    for statement in POSTGRESQL if postgresql else SQLITE:
        db.execute_sql(statement.format(delete=delete))
