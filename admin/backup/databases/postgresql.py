"""A snapshot of a PostgreSQL database: all rows, as of one moment, and back into an empty one.

The rows come from COPY in a transaction with the isolation level REPEATABLE READ, in the order of
their keys. No program waits for that.

In the manifest: {"kind": "postgresql", "tables": {name: {"columns": […], "chunks": […]}}}. The
chunks are in the text format of COPY.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from admin.backup.destinations.chunks import cut
from admin.transfer.tables import MODELS
from storage.db.database import Database
from storage.db.models import ReleaseRow, RunnerRow
from storage.db.models_liveness import LostRunnerRow
from storage.db.schema.state import HISTORY
from storage.db.schema.transfer_checkpoint import TABLE_NAME
from storage.db.statements import SqlRow
from storage.records.json_values import Json

_BEGIN = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL jit = off",
)
_TABLES = """
SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum),
    pg_table_size(c.oid),
    (SELECT array_agg(k.attname::text ORDER BY array_position(i.indkey::int2[], k.attnum))
     FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
     WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.oid, c.relname"""
_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relname = ANY (%s) AND c.relnamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)"""
_SEQUENCES = """
SELECT pg_get_serial_sequence(quote_ident(table_name), column_name), column_name
FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = %s
    AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL"""
LEFT_OUT = {
    *(HISTORY, TABLE_NAME, ReleaseRow._meta.table_name),
    *(RunnerRow._meta.table_name, LostRunnerRow._meta.table_name),
}
"""The schema comes from the migrations, and the runners of the backup have ended by a restore."""
_ORDER = {model._meta.table_name: place for place, model in enumerate(MODELS)}


class PostgresqlSnapshot:
    """A database as of one moment."""

    keeps_writers_off = False

    def __init__(self, connection: Any):
        self._connection = connection

    def rows(self, sql: str) -> Iterator[SqlRow]:
        """Yield the rows of a query."""
        with self._connection.cursor(name="backup") as cursor:
            cursor.itersize = 10_000
            yield from cursor.execute(sql)

    def copy(self, store: Callable[[bytes], str], progress: Callable[[int, int], None]) -> Json:
        """Store all rows; return what the manifest has of the database.

        `progress` is called with the bytes so far, and a guess of all.
        """
        found = self._connection.execute(_TABLES).fetchall()
        found = sorted(each for each in found if each[0] not in LEFT_OUT)
        guess, done, tables = sum(size for _, _, size, _ in found), 0, {}
        for name, columns, _, key in found:
            chunks = []
            for data in cut(self._rows_of(name, columns, key or columns)):
                chunks.append(store(data))
                done += len(data)
                progress(done, max(done, guess))
            tables[name] = {"columns": columns, "chunks": chunks}
        return {"kind": "postgresql", "tables": tables}

    def _rows_of(self, table: str, columns: list[str], key: list[str]) -> Iterator[bytes]:
        query = f'SELECT {_quoted(columns)} FROM "{table}" ORDER BY {_quoted(key)}'
        with self._connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
            yield from map(bytes, copy)


@contextmanager
def snapshot(database: Database) -> Iterator[PostgresqlSnapshot]:
    """Open a snapshot within the block."""
    connection = database.raw_connection()
    try:
        for each in _BEGIN:
            connection.execute(each)
        yield PostgresqlSnapshot(connection)
    finally:
        connection.close()


def load(connection: Any, tables: Json, read: Callable[[str], bytes]) -> None:
    """Put the rows of all tables into an empty database with its schema, in a transaction.

    `read` returns the data of a chunk.
    """
    names = sorted(tables, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
    indexes = connection.execute(_INDEXES, (names,)).fetchall()
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for index, _ in indexes:  # filling a table and then making its indexes takes half as long
        connection.execute(f"DROP INDEX {index}")
    for name in reversed(names):
        _set_triggers(connection, name, "DISABLE")
        connection.execute(f'DELETE FROM "{name}"')
    for name in names:
        columns = _quoted(tables[name]["columns"])
        with (
            connection.cursor() as cursor,
            cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN') as copy,
        ):
            for chunk in tables[name]["chunks"]:
                copy.write(read(chunk))
        _set_sequences(connection, name)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # pending checks would block what follows
    for _, definition in indexes:
        connection.execute(definition)
    for name in names:
        _set_triggers(connection, name, "ENABLE")


def _set_triggers(connection: Any, table: str, state: str) -> None:
    """Switch the triggers of a table off, because the rows they would add are copied as well."""
    connection.execute(f'ALTER TABLE "{table}" {state} TRIGGER USER')


def _set_sequences(connection: Any, table: str) -> None:
    for sequence, column in connection.execute(_SEQUENCES, (table,)).fetchall():
        newest = f'SELECT setval(%s, MAX("{column}")) FROM "{table}" HAVING MAX("{column}") > 0'
        connection.execute(newest, (sequence,))


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
