"""Brings the schema of a database up to date; makes a new SQLite file."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.engines import making_engine
from storage.db.schema.sqlite_file import make_file
from storage.db.timeouts import BUSY_SECONDS
from storage.records.job import StoreUnusable
from storage.settings.url import hide_unneeded_drivers

MIGRATIONS = Path(__file__).parents[2] / "migrations"
HISTORY = "schema_migration"


def bring_up_to_date(database: Database, side: Path) -> None:
    """Run the migrations that are missing; safe while others do the same.

    `side` holds lock files. Raises StoreUnusable for a database that is not ours, or newer.
    """
    with _alone(database, side):
        if not database.postgresql:
            make_file(Path(database.engine.database), _make_sqlite)
        refuse_foreign(database)
        _migrate(database)


def bring_up_to_date_alone(database: Database) -> None:
    """The same for one that is there, on a connection that keeps all others out of its file."""
    if database.postgresql:
        bring_up_to_date(database, Path())
    else:
        _migrate(database)


def pending_and_newer(database: Database) -> tuple[list[str], list[str]]:
    """The migrations that a database lacks, and those that this code does not know."""
    known = {file.stem for file in MIGRATIONS.glob("[0-9]*.py")}
    with database.translated():
        applied = _applied(database.engine)
    return sorted(known - applied), sorted(applied - known)


def _applied(engine: Any) -> set[str]:
    if not engine.table_exists(HISTORY):
        return set()
    return {name for (name,) in engine.execute_sql(f"SELECT name FROM {HISTORY}")}


def _migrate(database: Database) -> None:
    pending, newer = pending_and_newer(database)
    if newer:
        raise StoreUnusable(f"the database has a newer schema ({newer[-1]})")
    if not pending:
        return
    with database.translated(), hide_unneeded_drivers(database.postgresql):
        from playhouse.migrations import Runner  # not above: it loads much, and is seldom needed

        Runner(database.engine, str(MIGRATIONS), HISTORY).up()


@contextmanager
def _alone(database: Database, side: Path) -> Iterator[None]:
    if database.postgresql:
        with database.translated():
            database.engine.execute_sql("SELECT pg_advisory_lock(hashtext('job service schema'))")
        try:
            yield
        finally:
            database.engine.close()  # frees the lock
    else:
        with (side / "schema.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def refuse_foreign(database: Database) -> None:
    """Raise StoreUnusable for a database that is not ours, before anything is written to it."""
    _require_utf8(database)
    with database.translated():
        tables = _existing_tables(database.engine)
    if tables is not None and HISTORY not in tables:
        kind = "holds other tables" if tables else "is empty"
        raise StoreUnusable(f"{database.engine.database} {kind}: not a database of this service")


def _existing_tables(engine: Any) -> list[str] | None:
    """The tables of a database, None for one on PostgreSQL that is new."""
    if isinstance(engine, pw.PostgresqlDatabase):
        return list(engine.get_tables()) or None
    # Not through the engine, whose pragmas would write to a file that may not be ours.
    try:
        return _tables_of(engine.database, "ro")
    except pw.OperationalError as error:
        if "readonly" not in str(error):
            raise
        # A transaction that was cut off (without a WAL) has to be rolled back before one can read.
        return _tables_of(engine.database, "rw")


def _tables_of(path: str, mode: str) -> list[str]:
    plain = pw.SqliteDatabase(f"file:{path}?mode={mode}", uri=True, timeout=BUSY_SECONDS)
    try:
        return list(plain.get_tables())
    finally:
        plain.close()


def _require_utf8(database: Database) -> None:
    """Any other encoding lacks characters that clients send; SQLite has no other."""
    if not database.postgresql:
        return
    with database.translated():
        ((encoding,),) = database.engine.execute_sql("SELECT current_setting('server_encoding')")
    found = encoding.decode() if isinstance(encoding, bytes) else encoding  # of SQL_ASCII: bytes
    if found != "UTF8":
        made = "make it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        raise StoreUnusable(f"{database.engine.database} has the encoding {found}: {made}")


def _make_sqlite(file: Path) -> None:
    """Make a SQLite file with the schema, in rollback mode; its first user turns it to WAL."""
    maker = Database(making_engine(file))
    try:
        _migrate(maker)
    finally:
        maker.close()
