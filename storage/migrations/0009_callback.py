"""Callback URLs of jobs, and the outbox of pending callbacks.

A trigger adds a job to the outbox in the transaction that makes it final. Another one deletes the
entry with its job.
"""

from typing import Any

import peewee as pw

STATEMENTS = (
    "ALTER TABLE job ADD COLUMN callback_url TEXT",
    """
CREATE TABLE callback (
    job_id {uuid} PRIMARY KEY,
    due_at BIGINT NOT NULL,
    tries INTEGER NOT NULL
)""",
    "CREATE INDEX callback_due ON callback (due_at)",
)
INSERT = """
INSERT INTO callback (job_id, due_at, tries) VALUES (NEW.id, NEW.finished_at, 0)
    ON CONFLICT (job_id) DO UPDATE SET due_at = NEW.finished_at, tries = 0;"""
DELETE = "DELETE FROM callback WHERE job_id = OLD.id;"
OCCASIONS = {
    "final": (
        "UPDATE OF status ON job FOR EACH ROW"
        " WHEN (NEW.callback_url IS NOT NULL AND NEW.finished_at IS NOT NULL)",
        INSERT,
    ),
    "delete": ("DELETE ON job FOR EACH ROW WHEN (OLD.callback_url IS NOT NULL)", DELETE),
}
SQLITE = ("CREATE TRIGGER callback_{name} AFTER {occasion} BEGIN {action} END",)
POSTGRESQL = (
    """
CREATE FUNCTION callback_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {action}
    RETURN NULL;
END $$""",
    "CREATE TRIGGER callback_{name} AFTER {occasion} EXECUTE FUNCTION callback_{name}()",
)


def up(migrator: Any, db: Any) -> None:
    """Add the column, the outbox and its triggers."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    for statement in STATEMENTS:
        db.execute_sql(statement.format(uuid="UUID" if postgresql else "TEXT"))
    for name, (occasion, action) in OCCASIONS.items():
        for statement in POSTGRESQL if postgresql else SQLITE:
            db.execute_sql(statement.format(name=name, occasion=occasion, action=action))
