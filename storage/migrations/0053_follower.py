"""Add the table of the jobs that follow others: it finds what waits, or has waited, for a job.

`dependency` has only what a job still waits for. A trigger fills `follower`, so that jobs of the
previous release are in it, too.
"""

from typing import Any

import peewee as pw

OLDEST = "0025_counter"
SCANS = {"job": 1}
_TABLE = """
CREATE TABLE follower (
    predecessor_id {id} NOT NULL,
    job_id {id} NOT NULL,
    PRIMARY KEY (predecessor_id, job_id)
) {keyed}"""
_INDEX = "CREATE INDEX follower_job ON follower (job_id)"
SQLITE = (
    _TABLE.format(id="TEXT", keyed="WITHOUT ROWID"),
    _INDEX,
    """INSERT OR IGNORE INTO follower (predecessor_id, job_id)
    SELECT REPLACE(value, '-', ''), job.id FROM job, json_each(job.predecessors, '$.after')
    WHERE job.predecessors IS NOT NULL""",
    """CREATE TRIGGER follower_insert AFTER INSERT ON job FOR EACH ROW
WHEN (NEW.predecessors IS NOT NULL) BEGIN
INSERT OR IGNORE INTO follower (predecessor_id, job_id)
    SELECT REPLACE(value, '-', ''), NEW.id FROM json_each(NEW.predecessors, '$.after');
END""",
    """CREATE TRIGGER follower_delete AFTER DELETE ON job FOR EACH ROW
WHEN (OLD.predecessors IS NOT NULL) BEGIN
DELETE FROM follower WHERE job_id = OLD.id;
END""",
)
_POSTGRESQL = (
    _TABLE.format(id="UUID", keyed=""),
    _INDEX,
    """INSERT INTO follower (predecessor_id, job_id)
    SELECT each.value::uuid, job.id
    FROM job, json_array_elements_text(job.predecessors::json -> 'after') AS each
    WHERE job.predecessors IS NOT NULL ON CONFLICT DO NOTHING""",
    """CREATE FUNCTION follower_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO follower (predecessor_id, job_id)
    SELECT each.value::uuid, NEW.id
    FROM json_array_elements_text(NEW.predecessors::json -> 'after') AS each
    ON CONFLICT DO NOTHING;
RETURN NULL;
END $$""",
    """CREATE TRIGGER follower_insert AFTER INSERT ON job FOR EACH ROW
    WHEN (NEW.predecessors IS NOT NULL) EXECUTE FUNCTION follower_insert()""",
    """CREATE FUNCTION follower_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
DELETE FROM follower WHERE job_id = OLD.id;
RETURN NULL;
END $$""",
    """CREATE TRIGGER follower_delete AFTER DELETE ON job FOR EACH ROW
    WHEN (OLD.predecessors IS NOT NULL) EXECUTE FUNCTION follower_delete()""",
)


def up(migrator: Any, db: Any) -> None:
    """Create the table, its triggers, and the rows of stored jobs."""
    for statement in _POSTGRESQL if isinstance(db, pw.PostgresqlDatabase) else SQLITE:
        db.execute_sql(statement)
