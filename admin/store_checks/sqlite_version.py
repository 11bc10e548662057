"""The SQLite that this Python has loaded."""

import peewee as pw

from storage.db.sqlite import has_wal_reset_fix

SQLITE_VERSION: tuple[int, int, int] = pw.sqlite3.sqlite_version_info  # type: ignore[attr-defined]


def has_wal_reset_bug() -> bool:
    """Return whether this release has the bug: https://sqlite.org/wal.html#walresetbug."""
    return not has_wal_reset_fix(SQLITE_VERSION)
