"""A job's first attempt, if it is the only one, is stored in the row of the job.

Programs of the previous release read and end the first attempt in a row of `attempt`. Triggers
write this row for them, for jobs that this release has claimed.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
COLUMNS = (
    "first_runner TEXT",
    "first_outcome TEXT",
    "first_cpu_seconds DOUBLE PRECISION",
    "first_peak_memory_bytes BIGINT",
    "first_pid INTEGER",
    "first_traceback TEXT",
)
TRIGGERS = {
    "begin": (
        "first_runner ON job FOR EACH ROW WHEN (NEW.attempt = 1 AND NEW.status = 'running')",
        """
INSERT INTO attempt (job_id, number, runner, started_at)
    VALUES (NEW.id, 1, NEW.first_runner, NEW.started_at) ON CONFLICT DO NOTHING;""",
    ),
    "end": (
        "first_outcome ON job FOR EACH ROW WHEN (NEW.first_outcome IS NOT NULL)",
        """
UPDATE attempt SET finished_at = NEW.finished_at, outcome = NEW.first_outcome, error = NEW.error,
    cpu_seconds = NEW.first_cpu_seconds, peak_memory_bytes = NEW.first_peak_memory_bytes,
    pid = NEW.first_pid, traceback = NEW.first_traceback
    WHERE job_id = NEW.id AND number = 1;""",
    ),
}
SQLITE = ("CREATE TRIGGER first_attempt_{name} AFTER UPDATE OF {occasion} BEGIN {action} END",)
POSTGRESQL = (
    """
CREATE FUNCTION first_attempt_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {action}
    RETURN NULL;
END $$""",
    "CREATE TRIGGER first_attempt_{name} AFTER UPDATE OF {occasion}"
    " EXECUTE FUNCTION first_attempt_{name}()",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the triggers. The first attempts of existing jobs stay where they are."""
    for column in COLUMNS:
        db.execute_sql(f"ALTER TABLE job ADD COLUMN {column}")
    statements = POSTGRESQL if isinstance(db, pw.PostgresqlDatabase) else SQLITE
    for name, (occasion, action) in TRIGGERS.items():
        for statement in statements:
            db.execute_sql(statement.format(name=name, occasion=occasion, action=action))
