"""Names of the tokens that submitted and canceled a job."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the columns; existing jobs get no names."""
    for name in ("submitted_by", "canceled_by"):
        db.execute_sql(f"ALTER TABLE job ADD COLUMN {name} TEXT")
