"""Runners whose lease has ended, so that people see for a day which worker is silent.

Programs of the previous release know nothing of the table: runners that they take for dead are not
in it.
"""

from typing import Any

OLDEST = "0018_release"


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    db.execute_sql(
        "CREATE TABLE lost_runner ("
        "name TEXT NOT NULL PRIMARY KEY, slots INTEGER NOT NULL, started_at BIGINT NOT NULL, "
        "queues TEXT, heard_at BIGINT, lost_at BIGINT NOT NULL, "
        "queued_again INTEGER NOT NULL, ended INTEGER NOT NULL)"
    )
