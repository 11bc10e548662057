"""Who has submitted a job, and who has canceled it: the names of their tokens."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the columns; so far, nobody had a name."""
    for name in ("submitted_by", "canceled_by"):
        db.execute_sql(f"ALTER TABLE job ADD COLUMN {name} TEXT")
