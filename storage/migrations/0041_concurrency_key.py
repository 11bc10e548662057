"""Concurrency keys: of the jobs with one key, only some have a place; the others are held.

The indexes hold only jobs with keys: those that have places, those that wait for one, and those
that wait for their time first. `storage/waiting/places.py` repeats the conditions word for word.

Triggers hold a job with a key again when a client retries it, whichever release does that, and add
a job to the outbox `ended` when it begins to wait for a place, so that it gets one that is free.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
SCANS = {"job": 3}
HELD = 253402300799999
STATEMENTS = (
    "ALTER TABLE job ADD COLUMN concurrency_key TEXT",
    "ALTER TABLE job ADD COLUMN max_per_key INTEGER",
    "CREATE INDEX job_key_placed ON job (concurrency_key)"
    " WHERE concurrency_key IS NOT NULL AND finished_at IS NULL AND holds IS NULL",
    "CREATE INDEX job_key_waiting ON job (concurrency_key, priority DESC, due_at, id)"
    " WHERE concurrency_key IS NOT NULL AND finished_at IS NULL AND holds = 2",
    "CREATE INDEX job_key_later ON job (due_at)"
    " WHERE concurrency_key IS NOT NULL AND finished_at IS NULL AND holds >= 64",
)
# 2 is `Watch.KEYS`.
ENDED = """
INSERT INTO ended (job_id, deleted, status, watched) VALUES (NEW.id, FALSE, NEW.status, 2)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;"""
RETRIED = (
    "UPDATE OF status ON job FOR EACH ROW WHEN (NEW.concurrency_key IS NOT NULL"
    " AND OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL)"
)
WAITS = (
    "UPDATE OF holds ON job FOR EACH ROW WHEN (NEW.concurrency_key IS NOT NULL"
    " AND NEW.holds = 2 AND OLD.holds <> 2)"
)
SQLITE = (
    f"CREATE TRIGGER key_retried AFTER {RETRIED} BEGIN UPDATE job"
    f" SET due_at = NEW.run_at, run_at = {HELD}, holds = 2 WHERE id = NEW.id; {ENDED} END",
    f"CREATE TRIGGER key_waits AFTER {WAITS} BEGIN {ENDED} END",
)
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {action}
    RETURN NEW;
END $$"""
POSTGRESQL = (
    FUNCTION.format(
        name="key_retried",
        action=f"NEW.due_at = NEW.run_at; NEW.run_at = {HELD}; NEW.holds = 2; {ENDED}",
    ),
    f"CREATE TRIGGER key_retried BEFORE {RETRIED} EXECUTE FUNCTION key_retried()",
    FUNCTION.format(name="key_waits", action=ENDED),
    f"CREATE TRIGGER key_waits BEFORE {WAITS} EXECUTE FUNCTION key_waits()",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns, the indexes and the triggers."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    for statement in (*STATEMENTS, *(POSTGRESQL if postgresql else SQLITE)):
        db.execute_sql(statement)
