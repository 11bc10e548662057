"""Makes the Peewee engine behind a database URL. Imports only the errors of this layer."""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import peewee as pw
from playhouse import db_url

from storage.job import StoreUnusable

log = logging.getLogger(__name__)

BUSY_SECONDS = 2.0
"""How long a change waits for locks that others hold, before it is told to try again."""
# WAL-reset bug, https://sqlite.org/wal.html#walresetbug: mended in these and in all later ones.
MENDED_SQLITE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


class _Remembered:
    """Keeps every connection it opens, so that the connections of all threads can be closed."""

    def __init__(self, *args: Any, **kwargs: Any):
        self.opened: list[Any] = []
        super().__init__(*args, **kwargs)

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        self.opened.append(connection)
        return connection

    def _close(self, connection: Any) -> None:
        super()._close(connection)  # type: ignore[misc]
        if connection in self.opened:
            self.opened.remove(connection)


class _Sqlite(_Remembered, pw.SqliteDatabase):
    pass


class _Postgresql(_Remembered, pw.PostgresqlDatabase):
    pass


def open_engine(url: str) -> Any:
    """The engine of a database URL; it connects only when it is first used.

    Raises StoreUnusable for another scheme.
    """
    scheme = urlparse(url).scheme
    options: dict[str, Any]
    if scheme in {"postgresql", "postgres"}:
        parsed = db_url.parse(url, unquote_password=True, unquote_user=True)
        lock_timeout = f"-c lock_timeout={BUSY_SECONDS:.0f}s"
        options = {"connect_timeout": 5, "options": lock_timeout, **parsed}
        return _Postgresql(**options, prefer_psycopg3=True)
    if scheme != "sqlite":
        raise StoreUnusable(f"DATABASE_URL: unknown scheme {scheme!r}")
    # synchronous=FULL: what was acknowledged survives a power cut. IMMEDIATE: a transaction that
    # turns to writing later would get "database is locked" at once, whatever the timeout.
    pragmas = {"journal_mode": _journal_mode(), "synchronous": "full", "foreign_keys": 1}
    options = {"lock_type": "IMMEDIATE", "check_same_thread": False}
    options |= {"timeout": BUSY_SECONDS, "pragmas": pragmas, **db_url.parse(url)}
    return _Sqlite(**options)


def _journal_mode() -> str:
    """WAL where it is safe; slower, but as safe, with a SQLite whose WAL can do damage."""
    version = pw.sqlite3.sqlite_version_info  # type: ignore[attr-defined]  # chosen by Peewee
    if is_mended(version):
        return "wal"
    log.warning("SQLite has the WAL-reset bug, WAL is not used", extra={"version": version})
    return "delete"


def is_mended(version: tuple[int, int, int]) -> bool:
    """Whether a release of SQLite is without the WAL-reset bug."""
    same_line = [mended for mended in MENDED_SQLITE if mended[:2] == version[:2]]
    return version >= (same_line[0] if same_line else MENDED_SQLITE[-1])


def existing_tables(engine: Any) -> list[str] | None:
    """The tables of a database that exists, None for a SQLite file that does not yet."""
    if isinstance(engine, pw.PostgresqlDatabase):
        return list(engine.get_tables()) or None
    if not Path(engine.database).exists():
        return None
    # Not through the engine, whose pragmas would write to a file that may not be ours.
    plain = pw.SqliteDatabase(f"file:{engine.database}?mode=rw", uri=True, timeout=BUSY_SECONDS)
    try:
        return list(plain.get_tables())
    finally:
        plain.close()
