"""Replaces the triggers on jobs by one per kind of statement on PostgreSQL.

A trigger for each row takes as long as the change of the row itself, and PostgreSQL plans its WHEN
condition anew for each statement. SQLite compiles triggers into the prepared statement, so it keeps
them.
"""

from typing import Any

import peewee as pw

OLD = ("event_insert", "event_status", "event_progress", "callback_final", "part_final")
EVENT = """
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT after.version, after.id, {previous}, {is_progress}, after.status, after.attempt,
    after.run_at, after.started_at, after.finished_at, after.cancel_requested_at FROM after"""
NAMED = "({0}.status, {0}.attempt, {0}.run_at, {0}.cancel_requested_at)"
BEFORE, AFTER = NAMED.format("before"), NAMED.format("after")
BOTH = "before.id = after.id"
PROGRESS = f"{AFTER} IS NOT DISTINCT FROM {BEFORE}"
TOLD = "PERFORM pg_notify('job_service_events', '');"
INSERTED = f"""
{EVENT.format(previous="NULL", is_progress="FALSE")};
{TOLD}"""
# An update that changes none of the compared columns is one of progress; only the newest is kept.
# FULL JOIN rules out a nested loop, which would be slow if the planner expects few rows.
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
    AND (callback_url IS NOT NULL OR upload_id IS NOT NULL))
THEN
    INSERT INTO callback (job_id, due_at, tries)
        SELECT after.id, after.finished_at, 0 FROM after JOIN before ON {BOTH}
        WHERE after.callback_url IS NOT NULL
        AND after.finished_at IS NOT NULL AND before.finished_at IS NULL
        ON CONFLICT (job_id) DO UPDATE SET due_at = EXCLUDED.due_at, tries = 0;
    DELETE FROM part USING after WHERE part.job_id = after.id AND after.finished_at IS NOT NULL;
END IF;
{TOLD}"""
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE count BIGINT; BEGIN
    {action}
    RETURN NULL;
END $$"""
TRIGGER = """
CREATE TRIGGER {name} AFTER {change} ON job REFERENCING {tables} FOR EACH STATEMENT
    EXECUTE FUNCTION {name}()"""
TRIGGERS = (
    ("job_inserted", "INSERT", "NEW TABLE AS after", INSERTED),
    ("job_changed", "UPDATE", "OLD TABLE AS before NEW TABLE AS after", CHANGED),
)


def up(migrator: Any, db: Any) -> None:
    """Replace the triggers on PostgreSQL."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    if not postgresql:
        return
    for name in OLD:
        db.execute_sql(f"DROP TRIGGER {name} ON job")
        db.execute_sql(f"DROP FUNCTION {name}()")
    for name, change, tables, action in TRIGGERS:
        db.execute_sql(FUNCTION.format(name=name, action=action))
        db.execute_sql(TRIGGER.format(name=name, change=change, tables=tables))
