"""Runs queries on a database. With `engines`, the only place where SQLite and PostgreSQL differ.

Correctness needs nothing of what differs here: every change is one guarded UPDATE, the same on
both. Each thread has its own connection, opened when first needed and dropped after an error.
"""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee as pw
from playhouse.migrations import Runner

from storage.engines import existing_tables
from storage.job import StoreFull, StoreUnavailable, StoreUnusable
from storage.models import VersionRow

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
HISTORY = "schema_migration"


class Database:
    """A database: runs queries, and tells its own errors from everything else.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the engine fails.
    """

    def __init__(self, engine: Any):
        self.engine = engine

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, for those few that must know."""
        return isinstance(self.engine, pw.PostgresqlDatabase)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A write transaction; inside another one it is a part of that."""
        with self._translated():
            if self.engine.in_transaction():
                yield
            else:
                with self.engine.atomic():
                    yield

    def run(self, query: Any) -> None:
        """Run a query that changes something."""
        with self._translated():
            query.bind(self.engine).execute()

    def changed(self, query: Any) -> int:
        """Run an UPDATE or a DELETE; the number of rows it changed."""
        with self._translated():
            return int(query.bind(self.engine).execute())

    def rows(self, query: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        with self._translated():
            return list(query.bind(self.engine).dicts().execute())

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> None:
        """Run a statement that is no query on a table."""
        with self._translated():
            self.engine.execute_sql(sql, parameters)

    def connect_plainly(self) -> Any:
        """A new connection of the driver itself, in autocommit; the caller closes it."""
        connection = self.engine._connect()
        self.engine.opened.remove(connection)
        return connection

    def next_version(self) -> int:
        """Number the next change; only inside a transaction, which keeps the order of commits."""
        advance = VersionRow.update(value=VersionRow.value + 1).returning(VersionRow.value)
        return int(self.rows(advance)[0]["value"])

    def for_update(self, query: Any) -> Any:
        """Lock the rows of a query that others may want too, passing over what they hold."""
        return query.for_update("FOR UPDATE SKIP LOCKED") if self.postgresql else query

    def lock(self, query: Any) -> Any:
        """Keep the rows of a query from being changed by others until the transaction ends."""
        return query.for_update("FOR UPDATE") if self.postgresql else query

    def share(self, query: Any) -> Any:
        """Keep the rows of a query from being deleted by others until the transaction ends."""
        return query.for_update("FOR KEY SHARE") if self.postgresql else query

    def close(self) -> None:
        """Close the connections of all threads; none of them may be in use."""
        self.engine.close()
        for connection in self.engine.opened:
            connection.close()
        self.engine.opened.clear()

    def migrate(self, side: Path) -> None:
        """Bring the schema up to date; safe while others do the same. `side` holds lock files."""
        with self._migration_lock(side):
            self._refuse_foreign()
            with self._translated():
                runner = Runner(self.engine, str(MIGRATIONS), HISTORY)
                newer = [m.name for m in runner.status() if m.path is None]
                if newer:
                    raise StoreUnusable(f"the database has a newer schema ({newer[-1]})")
                runner.up()

    @contextmanager
    def _migration_lock(self, side: Path) -> Iterator[None]:
        if self.postgresql:
            with self._translated():
                self.engine.execute_sql("SELECT pg_advisory_lock(hashtext('job service schema'))")
            try:
                yield
            finally:
                self.engine.close()  # frees the lock
        else:
            with (side / "schema.lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield

    def _refuse_foreign(self) -> None:
        """Raise StoreUnusable for a database that is not ours, before anything is written to it."""
        with self._translated():
            tables = existing_tables(self.engine)
        if tables is not None and HISTORY not in tables:
            kind = "holds other tables" if tables else "is empty"
            raise StoreUnusable(f"{self.engine.database} {kind}: not a database of this service")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (pw.OperationalError, pw.InterfaceError) as error:
            self._drop_connection()
            text = str(error).strip()
            if "full" in text or "No space left" in text:
                raise StoreFull(text) from error
            raise StoreUnavailable(text) from error
        except pw.DatabaseError as error:
            if type(error) is not pw.DatabaseError:
                raise  # a mistake in a query, not a state of the store
            self._drop_connection()
            raise StoreUnusable(f"{self.engine.database}: {error}") from error

    def _drop_connection(self) -> None:
        if self.engine.in_transaction():
            return  # the outermost transaction drops it, once it has been rolled back
        try:
            self.engine.close()
        except pw.PeeweeException:
            log.debug("closing a failed connection failed", exc_info=True)
