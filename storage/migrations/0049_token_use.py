"""When each token was last used, and from which address.

Programs of the previous release know nothing of the table: uses of their requests are not stored.
"""

from typing import Any

OLDEST = "0018_release"


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    db.execute_sql(
        "CREATE TABLE token_use ("
        "name TEXT NOT NULL PRIMARY KEY, used_at BIGINT NOT NULL, address TEXT NOT NULL)"
    )
