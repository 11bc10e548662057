"""How far the times in ids of jobs are from `created_at`: searches by time go by ids."""

from typing import Any

HOURS_MS = 2 * 3600 * 1000
"""For jobs that are there already, of which that was not noted."""


def up(migrator: Any, db: Any) -> None:
    """Add it to the one row that tells of all jobs."""
    db.execute_sql("ALTER TABLE version ADD COLUMN id_skew_ms BIGINT NOT NULL DEFAULT 0")
    db.execute_sql(f"UPDATE version SET id_skew_ms = {HOURS_MS} WHERE EXISTS (SELECT 1 FROM job)")
