"""Makes PostgreSQL vacuum early those tables that change all the time.

Each job leaves two or three dead rows, which claims have to skip until they are vacuumed. By
default, vacuuming starts when a fifth of a table is dead: 200,000 rows of a million stored jobs.
"""

from typing import Any

import peewee as pw

VACUUM = (
    "autovacuum_vacuum_scale_factor = {share}, autovacuum_vacuum_threshold = {rows},"
    " autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = {share},"
    " autovacuum_analyze_threshold = {rows}"
)
OFTEN, ALWAYS = VACUUM.format(share=0.02, rows=2000), VACUUM.format(share=0, rows=1000)
STATEMENTS = (
    f"ALTER TABLE job SET ({OFTEN})",
    f"ALTER TABLE event SET ({OFTEN})",
    f"ALTER TABLE callback SET ({OFTEN})",
    # With free space on each page, ending an attempt does not update an index (a HOT update).
    f"ALTER TABLE attempt SET ({OFTEN}, fillfactor = 70)",
    # Few rows, which almost every transaction updates.
    *(f"ALTER TABLE {name} SET ({ALWAYS}, fillfactor = 50)" for name in ("tally", "runner")),
    f"ALTER TABLE version SET ({ALWAYS}, fillfactor = 10)",
)


def up(migrator: Any, db: Any) -> None:
    """Set the storage parameters on PostgreSQL. SQLite leaves no dead rows."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    if postgresql:
        for statement in STATEMENTS:
            db.execute_sql(statement)
