"""When a runner has renewed its lease, on PostgreSQL: its heartbeat."""

from typing import Any

OLDEST = "0018_release"


def up(migrator: Any, db: Any) -> None:
    """Add the column. It stays empty for runners of the previous release, and on SQLite."""
    db.execute_sql("ALTER TABLE runner ADD COLUMN renewed_at BIGINT")
