"""The clock skew of job ids: how far the times in ids can be from `created_at`. Searches by time
use ids."""

from typing import Any

HOURS_MS = 2 * 3600 * 1000
"""Assumed skew of existing jobs, in milliseconds; it was not recorded."""


def up(migrator: Any, db: Any) -> None:
    """Add the skew to the single row of the table `version`."""
    db.execute_sql("ALTER TABLE version ADD COLUMN id_skew_ms BIGINT NOT NULL DEFAULT 0")
    db.execute_sql(f"UPDATE version SET id_skew_ms = {HOURS_MS} WHERE EXISTS (SELECT 1 FROM job)")
