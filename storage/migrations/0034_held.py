"""Jobs that are held until something has happened, and the outbox of jobs whose end is watched.

A trigger adds a watched job to the outbox `ended` in the transaction that makes it final, whichever
release does that; another one adds it when it is deleted. `storage/waiting/ended.py` takes the
entries out.

A third trigger keeps a held job held when a program changes its `run_at`: the new time goes into
`due_at`. To release the job, a program sets `due_at` to NULL in the same statement.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
HELD = 253402300799999
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN due_at BIGINT",
    "ALTER TABLE job ADD COLUMN holds SMALLINT",
    "ALTER TABLE job ADD COLUMN watched SMALLINT",
    """
CREATE TABLE ended (
    job_id {uuid} NOT NULL,
    deleted BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    watched SMALLINT NOT NULL,
    PRIMARY KEY (job_id, deleted)
) {options}""",
)
# Most of the time the table is empty; its dead rows would slow down each look.
OPTIONS = {
    True: "WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)",
    False: "WITHOUT ROWID",
}
AGAIN = """
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;"""
FINAL = "INSERT INTO ended (job_id, deleted, status, watched) "
SQLITE_FINAL = f"{FINAL} VALUES (NEW.id, FALSE, NEW.status, NEW.watched) {AGAIN}"
DELETED = f"{FINAL} VALUES (OLD.id, TRUE, OLD.status, OLD.watched) {AGAIN}"
DELETE = "DELETE ON job FOR EACH ROW WHEN (OLD.watched IS NOT NULL)"
KEEP = (
    "UPDATE OF run_at ON job FOR EACH ROW WHEN (OLD.due_at IS NOT NULL AND NEW.due_at IS NOT NULL"
    f" AND OLD.run_at = {HELD} AND OLD.status = 'queued' AND NEW.status = 'queued')"
)
SQLITE = (
    "CREATE TRIGGER ended_final AFTER UPDATE OF status ON job FOR EACH ROW"
    " WHEN (NEW.watched IS NOT NULL AND NEW.finished_at IS NOT NULL"
    f" AND OLD.finished_at IS NULL) BEGIN {SQLITE_FINAL} END",
    f"CREATE TRIGGER ended_deleted AFTER {DELETE} BEGIN {DELETED} END",
    f"CREATE TRIGGER held_keep AFTER {KEEP} BEGIN"
    f" UPDATE job SET due_at = NEW.run_at, run_at = {HELD} WHERE id = NEW.id; END",
)
EVENT = """
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT after.version, after.id, {previous}, {is_progress}, after.status, after.attempt,
    after.run_at, after.started_at, after.finished_at, after.cancel_requested_at FROM after"""
NAMED = "({0}.status, {0}.attempt, {0}.run_at, {0}.cancel_requested_at)"
BEFORE, AFTER = NAMED.format("before"), NAMED.format("after")
BOTH = "before.id = after.id"
PROGRESS = f"{AFTER} IS NOT DISTINCT FROM {BEFORE}"
# As in migration 0017, with the outbox. The first condition of a watched job is in the one look at
# the rows that there was already.
CHANGED = f"""
{EVENT.format(previous="before.version", is_progress="FALSE")}
    FULL JOIN before ON {BOTH} WHERE {AFTER} IS DISTINCT FROM {BEFORE};
GET DIAGNOSTICS count = ROW_COUNT;
IF count < (SELECT COUNT(*) FROM after) THEN
    UPDATE event SET version = after.version FROM after JOIN before ON {BOTH}
        WHERE event.version = before.version AND event.is_progress AND {PROGRESS};
    {EVENT.format(previous="before.version", is_progress="TRUE")}
        JOIN before ON {BOTH} WHERE {PROGRESS}
        AND NOT EXISTS (SELECT 1 FROM event WHERE version = after.version);
END IF;
IF EXISTS (SELECT 1 FROM after WHERE finished_at IS NOT NULL
    AND (callback_url IS NOT NULL OR upload_id IS NOT NULL OR watched IS NOT NULL))
THEN
    INSERT INTO callback (job_id, due_at, tries)
        SELECT after.id, after.finished_at, 0 FROM after JOIN before ON {BOTH}
        WHERE after.callback_url IS NOT NULL
        AND after.finished_at IS NOT NULL AND before.finished_at IS NULL
        ON CONFLICT (job_id) DO UPDATE SET due_at = EXCLUDED.due_at, tries = 0;
    DELETE FROM part USING after WHERE part.job_id = after.id AND after.finished_at IS NOT NULL;
    {FINAL}
        SELECT after.id, FALSE, after.status, after.watched FROM after JOIN before ON {BOTH}
        WHERE after.watched IS NOT NULL
        AND after.finished_at IS NOT NULL AND before.finished_at IS NULL
        {AGAIN}
    IF FOUND THEN
        PERFORM pg_notify('job_service_worker', '');
    END IF;
END IF;
PERFORM pg_notify('job_service_events', '');"""
FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE count BIGINT; BEGIN
    {action}
END $$"""
POSTGRESQL = (
    FUNCTION.format(name="job_changed", action=f"{CHANGED} RETURN NULL;"),
    FUNCTION.format(name="ended_deleted", action=f"{DELETED} RETURN NULL;"),
    f"CREATE TRIGGER ended_deleted AFTER {DELETE} EXECUTE FUNCTION ended_deleted()",
    FUNCTION.format(
        name="held_keep",
        action=f"NEW.due_at = NEW.run_at; NEW.run_at = {HELD}; RETURN NEW;",
    ),
    f"CREATE TRIGGER held_keep BEFORE {KEEP} EXECUTE FUNCTION held_keep()",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns, the outbox and the triggers."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    kind = "UUID" if postgresql else "TEXT"
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid=kind, options=OPTIONS[postgresql]))
    for statement in POSTGRESQL if postgresql else SQLITE:
        db.execute_sql(statement)
