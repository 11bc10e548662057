"""A PostgreSQL database that tests use one after the other.

Creating, migrating and dropping a database takes a third of a second of CPU time, emptying it a few
milliseconds. A test that has changed the schema costs the next one a new database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.servers.postgres import PostgresServer
from tests.support.stores import open_bench

_SCHEMA = """
SELECT array_agg(what ORDER BY what) FROM (
    SELECT concat_ws(' ', attrelid::regclass, attname, atttypid::regtype, attnotnull) AS what
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL
    SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
    UNION ALL
    SELECT concat_ws(' ', relname, relkind, reloptions) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT setconfig::text FROM pg_db_role_setting
) AS objects"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_OTHER_SESSIONS = "pid <> pg_backend_pid() AND datname = current_database()"
_LARGE_BYTES = 1 << 20
"""Larger tables are truncated: deleted rows would stay in their files for a while."""


class SharedDatabase:
    """A migrated database on a server of tests."""

    def __init__(self, server: PostgresServer, folder: Path):
        """`folder` does not exist yet. It gets the data of the store that migrates the database."""
        self._server = server
        self._name = server.create_database()
        self.url = server.url(self._name)
        folder.mkdir()
        with open_bench(self.url, folder):
            pass
        self._connection = psycopg.connect(self.url, autocommit=True)  # a new one takes longer
        self._schema = self._connection.execute(_SCHEMA).fetchone()
        self._tables = [name for (name,) in self._connection.execute(_TABLES)]
        self._inserts = "; ".join(chain.from_iterable(map(self._inserts_of, self._tables)))

    def reset(self) -> bool:
        """End all other sessions, and restore the rows of a new store. Returns False if the schema
        has changed; then the database is no longer of use."""
        try:
            return self._reset()
        except psycopg.OperationalError:  # the test has ended all sessions
            self._connection.close()
            self._connection = psycopg.connect(self.url, autocommit=True)
            return self._reset()

    def drop(self) -> None:
        """Drop the database."""
        self.close()
        self._server.drop_database(self._name)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _reset(self) -> bool:
        connection = self._connection
        connection.execute(
            f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {_OTHER_SESSIONS}"
        )
        if connection.execute(_SCHEMA).fetchone() != self._schema:
            return False
        # Without triggers and foreign keys, which would take much longer.
        steps = ["SET LOCAL session_replication_role = replica", self._empty(), self._inserts]
        with connection.transaction():
            connection.execute("; ".join(steps).encode())
        return True

    def _empty(self) -> str:
        """Return the statements that delete all rows."""
        sizes = "SELECT max(pg_relation_size(oid)) > %s FROM pg_class WHERE relkind = 'r'"
        ours = f"{sizes} AND relnamespace = 'public'::regnamespace"
        if self._connection.execute(ours.encode(), [_LARGE_BYTES]).fetchone() == (True,):
            return f"TRUNCATE {', '.join(map(_quoted, self._tables))}"
        return "; ".join(f"DELETE FROM {_quoted(name)}" for name in self._tables)

    def _inserts_of(self, table: str) -> Iterator[str]:
        """Yield the statements that insert the present rows of a table."""
        for row in self._connection.execute(f"SELECT * FROM {_quoted(table)}".encode()):
            values = ", ".join(sql.Literal(each).as_string(self._connection) for each in row)
            yield f"INSERT INTO {_quoted(table)} VALUES ({values})"


def _quoted(name: str) -> str:
    return f'"{name}"'


class SharedDatabases:
    """Lends the shared database to one test after the other."""

    def __init__(self, server: PostgresServer, folder: Path):
        self._server = server
        self._folder = folder
        self._created = 0
        self._free: SharedDatabase | None = None

    def close(self) -> None:
        """Close the connection to the database."""
        if self._free:
            self._free.close()

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Yield the URL of a database with the tables and rows of a new store."""
        database = self._free or self._new()
        self._free = None
        try:
            yield database.url
        finally:
            if self._free is None and database.reset():
                self._free = database
            else:
                database.drop()

    def _new(self) -> SharedDatabase:
        """Create a database, with a folder of its own: two stores cannot have the same files."""
        self._created += 1
        return SharedDatabase(self._server, self._folder / str(self._created))
