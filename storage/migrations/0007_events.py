"""Job events, written by triggers in the transactions that change the jobs.

Only the newest progress of a job is kept: its event moves to the new version. Each event names the
previous one, so all events of a job are found from its newest. Events are deleted with their job.
"""

from typing import Any

import peewee as pw

TABLE = """
CREATE TABLE event (
    version {integer} PRIMARY KEY,
    job_id {uuid} NOT NULL,
    previous BIGINT,
    is_progress BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    run_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    cancel_requested_at BIGINT
)"""
INSERT = """
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT NEW.version, NEW.id, {previous}, {is_progress}, NEW.status, NEW.attempt, NEW.run_at,
    NEW.started_at, NEW.finished_at, NEW.cancel_requested_at"""
ACTIONS = {
    "insert": INSERT.format(previous="NULL", is_progress="FALSE") + ";",
    "status": INSERT.format(previous="OLD.version", is_progress="FALSE") + ";",
    "progress": "UPDATE event SET version = NEW.version"
    " WHERE version = OLD.version AND is_progress;"
    + INSERT.format(previous="OLD.version", is_progress="TRUE")
    + " WHERE NOT EXISTS (SELECT 1 FROM event WHERE version = NEW.version);",
    "delete": """
DELETE FROM event WHERE version IN (
    WITH RECURSIVE chain (version) AS (
        SELECT OLD.version
        UNION ALL
        SELECT event.previous FROM event JOIN chain ON event.version = chain.version
        WHERE event.previous IS NOT NULL
    ) SELECT version FROM chain
);""",
}
# UPDATE statements for progress do not set the status; all others do.
OCCASIONS = {
    "insert": "INSERT ON job FOR EACH ROW",
    "status": "UPDATE OF status ON job FOR EACH ROW",
    "progress": "UPDATE OF progress ON job FOR EACH ROW WHEN (NEW.status = OLD.status)",
    "delete": "DELETE ON job FOR EACH ROW",
}
SQLITE = "CREATE TRIGGER event_{name} AFTER {occasion} BEGIN {action} END"
POSTGRESQL = (
    """
CREATE FUNCTION event_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {action}
    PERFORM pg_notify('job_service_events', '');
    RETURN NULL;
END $$""",
    "CREATE TRIGGER event_{name} AFTER {occasion} EXECUTE FUNCTION event_{name}()",
)


def up(migrator: Any, db: Any) -> None:
    """Create the table and its triggers. Changes before this migration have no events."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    # On SQLite, only INTEGER PRIMARY KEY is the key of the rows themselves (the rowid).
    kinds = ("BIGINT", "UUID") if postgresql else ("INTEGER", "TEXT")
    db.execute_sql(TABLE.format(integer=kinds[0], uuid=kinds[1]))
    for name, action in ACTIONS.items():
        for statement in POSTGRESQL if postgresql else (SQLITE,):
            given = {"name": name, "occasion": OCCASIONS[name], "action": action}
            db.execute_sql(statement.format(**given))
