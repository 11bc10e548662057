"""Migrates the schema of a database, and creates new SQLite files."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.models import ReleaseRow
from storage.db.schema import state
from storage.db.schema.plan import read_plan
from storage.db.schema.soundness import refuse_lost_changes, require_sound
from storage.db.sqlite import Sqlite
from storage.db.sqlite_file.wal_file import open_plainly
from storage.files.disk import sync_name
from storage.records.job import StoreUnusable
from storage.settings.drivers import without_psycopg

log = logging.getLogger(__name__)


def bring_up_to_date(database: Database, lock_folder: Path) -> None:
    """Run the missing migrations. Safe while other programs do the same.

    `lock_folder` holds the lock file for SQLite. Raises StoreUnusable for a database that belongs
    to something else, has a newer schema with which this release does not work, or is damaged.
    """
    with schema_lock(database, lock_folder):
        if database.file:
            refuse_lost_changes(database.file)  # before SQLite opens the file, and forgets them
            create_file(database.file, _create_sqlite)
        refuse_foreign(database)
        if database.file:
            require_sound(database.file)
        _migrate(database)


def bring_up_to_date_exclusively(database: Database) -> None:
    """Migrate an existing database over a connection that no other program shares."""
    if database.postgresql:
        bring_up_to_date(database, Path())
    else:
        _migrate(database)


def contract(database: Database, lock_folder: Path) -> list[str]:
    """Run the contractions that a start leaves out, and return what they drop.

    Only while no program of a release uses the database that needs what is dropped.
    """
    with schema_lock(database, lock_folder):
        names = state.read_state(database).contractions
        _apply(database, names)
    return [line for name in names for line in state.load(name).DROPPED]


def apply_exactly(database: Database, names: Sequence[str]) -> None:
    """Bring a database to the schema that these migrations make. The caller holds `schema_lock`.

    This release must know them. Raises StoreUnusable if the database has others, or if this release
    cannot make a schema as old as that.
    """
    found = state.applied(database)
    if others := sorted(found - set(names) - {state.SCHEMA}):
        raise StoreUnusable(f"the database has a newer schema ({others[-1]}): use an empty one")
    state.require_replaced(sorted(state.replaced() - set(names)))
    _apply(database, state.to_apply(names, found))


def _migrate(database: Database) -> None:
    plan = read_plan(database)
    found = plan.state
    found.require_compatible()
    if found.newer:
        log.info("the database has a newer schema, which works", extra={"migrations": found.newer})
    if found.is_new:
        _apply(database, found.pending + found.contractions)
        return
    if plan.seconds:
        extra = {"migrations": len(found.pending), "expected_seconds": plan.seconds}
        log.info(
            "the schema of the database is brought up to date, which takes a while", extra=extra
        )
    _apply(database, found.pending, one_by_one=plan.seconds > 0)
    if found.contractions:
        log.info(
            "the database keeps what only the previous release needs, until `python -m storage"
            " contract` or the next release drops it",
            extra={"migrations": found.contractions},
        )


def _apply(database: Database, names: Sequence[str], one_by_one: bool = False) -> None:
    """Run migrations. With `one_by_one`, each logs how long it took."""
    if not names:
        return
    with database.translate_errors():
        with without_psycopg(database.postgresql):
            from playhouse.migrations import Runner  # not above: it loads much, is seldom needed

        class Chosen(Runner):  # type: ignore[misc]
            """Runs only the migrations with these names."""

            def migrations(self) -> list[Any]:
                return [each for each in super().migrations() if each.name in names]

        logging.getLogger("peewee.migrations").setLevel(logging.WARNING)  # it logs each of them
        runner = Chosen(database.engine.peewee, str(state.MIGRATIONS), state.HISTORY)
        if state.SCHEMA in names:
            runner.up(state.SCHEMA)
        # Before the schema changes: a program that no longer works with it must never think so.
        _raise_oldest(database, names)
        for number, name in enumerate(sorted(names) if one_by_one else (), 1):
            began_at = time.monotonic()
            runner.up(name)
            seconds = round(time.monotonic() - began_at, 1)
            extra = {"migration": name, "seconds": seconds, "left": len(names) - number}
            log.info("a migration is done", extra=extra)
        runner.up()
    log.info("the schema of the database is up to date", extra={"migrations": len(names)})


def _raise_oldest(database: Database, pending: Sequence[str]) -> None:
    """Store the newest of the releases that the pending migrations need, if it is newer."""
    needed = max(map(state.oldest_of, pending), default="")
    if needed > (state.read_oldest(database) or needed):
        database.run(ReleaseRow.update(oldest=needed))


@contextmanager
def schema_lock(database: Database, lock_folder: Path) -> Iterator[None]:
    """Keep other programs from opening the database. `lock_folder` is only used for SQLite."""
    if database.postgresql:
        database.execute("SELECT pg_advisory_lock(hashtext('job service schema'))")
        try:
            yield
        finally:
            database.engine.close()  # releases the lock
    else:
        with (lock_folder / "schema.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def refuse_foreign(database: Database) -> None:
    """Raise StoreUnusable if the database belongs to something else.

    To be called before anything is written to it.
    """
    with database.translate_errors():
        tables = _tables_in(database.file) if database.file else _tables_on_server(database)
    if tables is not None and state.HISTORY not in tables:
        kind = "holds other tables" if tables else "is empty"
        raise StoreUnusable(f"{database.engine.database} {kind}: not a database of this service")


def _tables_in(file: Path) -> list[str]:
    # Not through the engine, whose pragmas would write to a file that may not be ours.
    try:
        with open_plainly(file, "ro") as plain:
            return list(plain.get_tables())
    except pw.OperationalError as error:
        if "readonly" not in str(error):
            raise
    # An interrupted transaction (without a WAL) blocks reading until it is rolled back.
    with open_plainly(file, "rw") as plain:
        return list(plain.get_tables())


def _tables_on_server(database: Database) -> list[str] | None:
    """Return the names of the tables, or None for a new database.

    Raises StoreUnusable unless the encoding is UTF-8: others lack characters that clients send.
    """
    ((encoding,),) = database.execute("SELECT current_setting('server_encoding')").fetchall()
    found = encoding.decode() if isinstance(encoding, bytes) else encoding  # bytes from SQL_ASCII
    if found != "UTF8":
        made = "make it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        raise StoreUnusable(f"{database.engine.database} has the encoding {found}: {made}")
    return database.engine.get_tables() or None


def _create_sqlite(file: Path) -> None:
    """Create a SQLite file with the schema in rollback mode. Its first user switches it to WAL."""
    maker = Database(Sqlite(str(file)))
    try:
        _migrate(maker)
    finally:
        maker.close()


def create_file(file: Path, write: Callable[[Path], None]) -> None:
    """Create a file, unless it exists. The caller must hold a lock.

        jobs.db.making ─ schema ─▶ synced ─▶ linked as jobs.db ─▶ folder synced ─▶ first name gone

    After a kill or a power cut at most the temporary file remains; the next start removes it.

    `write` writes the complete file to the path that it is given. Raises OSError, and whatever
    `write` raises.
    """
    file = file.resolve()
    part = file.with_name(f"{file.name}.making")
    part.unlink(missing_ok=True)
    if not file.exists():
        write(part)
        with part.open("rb") as content:
            os.fsync(content.fileno())
        with contextlib.suppress(FileExistsError):  # another program was first: keep its file
            os.link(part, file)
    sync_name(file)
    part.unlink(missing_ok=True)
