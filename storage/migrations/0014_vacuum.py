"""How PostgreSQL keeps the tables small that change all the time.

Each job leaves two or three dead rows, which claims pass over until they are cleared away. By
default that begins once a fifth of a table is dead: of a million jobs that are kept, 200,000.
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
    # With room on each page, the end of an attempt touches no index.
    f"ALTER TABLE attempt SET ({OFTEN}, fillfactor = 70)",
    # Few rows, each changed by each transaction.
    *(f"ALTER TABLE {name} SET ({ALWAYS}, fillfactor = 50)" for name in ("tally", "runner")),
    f"ALTER TABLE version SET ({ALWAYS}, fillfactor = 10)",
)


def up(migrator: Any, db: Any) -> None:
    """Set it; SQLite leaves nothing to be cleared away."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    if postgresql:
        for statement in STATEMENTS:
            db.execute_sql(statement)
