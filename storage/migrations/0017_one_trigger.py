"""On PostgreSQL, one trigger for what comes of a change of a job, instead of four.

Each condition of a trigger costs a statement as much as some changes of rows do: PostgreSQL plans
it anew each time. SQLite makes conditions a part of the statement, which it keeps.
"""

from typing import Any

import peewee as pw

OLD = ("event_insert", "event_status", "event_progress", "callback_final", "part_final")
EVENT = """
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT NEW.version, NEW.id, {previous}, {is_progress}, NEW.status, NEW.attempt, NEW.run_at,
    NEW.started_at, NEW.finished_at, NEW.cancel_requested_at"""
INSERTED = EVENT.format(previous="NULL", is_progress="FALSE") + ";"
# A change of nothing that an event names is one of progress: of these, only the newest is kept.
CHANGED = f"""
IF (NEW.status, NEW.attempt, NEW.run_at, NEW.cancel_requested_at) IS NOT DISTINCT FROM
    (OLD.status, OLD.attempt, OLD.run_at, OLD.cancel_requested_at)
THEN
    UPDATE event SET version = NEW.version WHERE version = OLD.version AND is_progress;
    IF NOT FOUND THEN
        {EVENT.format(previous="OLD.version", is_progress="TRUE")};
    END IF;
ELSE
    {EVENT.format(previous="OLD.version", is_progress="FALSE")};
END IF;
IF NEW.finished_at IS NOT NULL THEN
    IF NEW.callback_url IS NOT NULL THEN
        INSERT INTO callback (job_id, due_at, tries) VALUES (NEW.id, NEW.finished_at, 0)
            ON CONFLICT (job_id) DO UPDATE SET due_at = NEW.finished_at, tries = 0;
    END IF;
    IF NEW.upload_id IS NOT NULL THEN
        DELETE FROM part WHERE job_id = NEW.id;
    END IF;
END IF;"""
TOLD = "PERFORM pg_notify('job_service_events', '');"
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {action}
    RETURN NULL;
END $$"""
TRIGGER = "CREATE TRIGGER {name} AFTER {occasion} EXECUTE FUNCTION {name}()"
UPDATE = "UPDATE OF status, progress"
TRIGGERS = (
    ("job_inserted", "INSERT ON job FOR EACH ROW", INSERTED),
    ("job_changed", f"{UPDATE} ON job FOR EACH ROW", CHANGED),
    ("job_told", f"INSERT OR {UPDATE} ON job FOR EACH STATEMENT", TOLD),
)


def up(migrator: Any, db: Any) -> None:
    """Replace the triggers."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    if not postgresql:
        return
    for name in OLD:
        db.execute_sql(f"DROP TRIGGER {name} ON job")
        db.execute_sql(f"DROP FUNCTION {name}()")
    for name, occasion, action in TRIGGERS:
        db.execute_sql(FUNCTION.format(name=name, action=action))
        db.execute_sql(TRIGGER.format(name=name, occasion=occasion))
