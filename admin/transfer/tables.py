"""Reads a table in batches, ordered by its key, and writes the rows to another database."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import (
    AttemptRow,
    BatchRow,
    CallbackPositionRow,
    CallbackRow,
    CounterRow,
    DependencyRow,
    EndedRow,
    EventRow,
    FiringRow,
    FollowerRow,
    JobFileRow,
    JobRow,
    KeyRow,
    MomentRow,
    OutputRow,
    PatternSetRow,
    QueueRow,
    ScheduleRow,
    ServiceCallbackRow,
    TagRow,
    UploadRow,
)
from storage.db.models_access import TokenUseRow
from storage.db.models_audit import AuditRow
from storage.db.parameters import parameter
from storage.db.statements import Row

MODELS: tuple[type[pw.Model], ...] = (
    QueueRow,
    UploadRow,
    JobRow,
    JobFileRow,
    BatchRow,
    TagRow,
    DependencyRow,
    FollowerRow,
    AttemptRow,
    EventRow,
    OutputRow,
    KeyRow,
    CallbackRow,
    ServiceCallbackRow,
    CallbackPositionRow,
    EndedRow,
    MomentRow,
    CounterRow,
    PatternSetRow,
    ScheduleRow,
    FiringRow,
    TokenUseRow,
    AuditRow,
)
"""The tables that are copied, each after the tables it refers to. Runners are not copied, because
their programs are stopped."""
BATCH_ROWS = 1000
BATCH_BYTES = 8 * 1024**2
"""Approximate maximum size of a batch; a batch of large rows has fewer rows."""
_FIRST_ROWS = 16


class Table:
    """A table of a database. A row is a dictionary of all its columns."""

    def __init__(self, database: Database, model: type[pw.Model]):
        self._database = database
        self._model: Any = model
        meta: Any = model._meta
        self.name: str = meta.table_name
        self._fields: list[pw.Field] = list(meta.sorted_fields)
        self._key: list[Any] = list(meta.get_primary_keys())
        self._booleans = [f.name for f in self._fields if isinstance(f, pw.BooleanField)]

    def batches(self, after: str | None = None, most: int = BATCH_ROWS) -> Iterator[list[Row]]:
        """Yield all rows after a key, or from the first: up to `most` at a time, fewer if they are
        large."""
        limit = min(most, _FIRST_ROWS)
        while rows := self._page(after, limit):
            yield rows
            after = self.key_of(rows[-1])
            limit = _next_limit(limit, rows, most)

    def key_of(self, row: Row) -> str:
        """The key of a row as text, as `batches` takes it."""
        return json.dumps([_plain(row[field.name]) for field in self._key])

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows unchanged, within a transaction. Triggers are off, because the rows they
        would add are copied as well."""
        with _without_triggers(self._database, self.name):
            if self._database.postgresql:
                from storage.db.postgresql import Postgresql  # not above: it imports psycopg

                assert isinstance(self._database.engine, Postgresql)
                names = [field.name for field in self._fields]
                with self._database.translate_errors():
                    self._database.engine.copy_in(self.name, names, rows)
            else:
                insert = self._database.statement(("transfer", self.name), self._insert)
                self._database.change_each_deferred(insert, rows)

    def clear(self) -> None:
        """Delete all rows, within a transaction: a new database has some."""
        with _without_triggers(self._database, self.name):
            self._database.run(self._model.delete())

    def count(self) -> int:
        """Number of rows."""
        count = self._model.select(pw.fn.COUNT(pw.SQL("*")).alias("count"))
        return int(self._database.rows(count)[0]["count"])

    def digest(self, progress: Callable[[int], None]) -> tuple[int, int]:
        """Return the number of rows and the sum of their hashes. Calls `progress` with the number
        of rows read so far after each batch."""
        count = total = 0
        for rows in self.batches():
            count, total = count + len(rows), total + sum(map(self._hash, rows))
            progress(count)
        return count, total % (1 << 256)

    def _hash(self, row: Row) -> int:
        """Hash of all values of a row. Hashes are added up, because databases may sort texts
        differently."""
        plain = repr([_plain(row[field.name]) for field in self._fields])
        return int.from_bytes(hashlib.sha256(plain.encode()).digest(), "big")

    def _page(self, after: str | None, limit: int) -> list[Row]:
        key = ("page", self.name, limit, after is None)
        page = self._database.statement(key, lambda: self._select(limit, after is None))
        values = [] if after is None else json.loads(after)
        key_values = {f.name: f.python_value(v) for f, v in zip(self._key, values, strict=False)}
        rows = self._database.fetch(page, key_values)
        for name in self._booleans:
            for row in rows:
                row[name] = bool(row[name])
        return rows

    def _select(self, limit: int, first: bool) -> Any:
        query = self._model.select().order_by(*self._key).limit(limit)
        is_after = pw.Tuple(*self._key) > pw.Tuple(*map(parameter, self._key))
        return query if first else query.where(is_after)

    def _insert(self) -> Any:
        return self._model.insert(**{field.name: parameter(field) for field in self._fields})


def _plain(value: Any) -> Any:
    """A value in the form that is the same for both databases."""
    if isinstance(value, UUID):
        return str(value)
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def _next_limit(limit: int, rows: Sequence[Row], most: int) -> int:
    size = sum(len(v) for row in rows for v in row.values() if isinstance(v, str | bytes))
    if size > BATCH_BYTES:
        return max(1, limit // 2)
    return min(most, 2 * limit) if 2 * size <= BATCH_BYTES else limit


@contextmanager
def _without_triggers(database: Database, table: str) -> Iterator[None]:
    """Disable the triggers of a table within a transaction. Other transactions never see the table
    without them, and a killed process leaves none disabled."""
    if not database.postgresql:
        of_table = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        triggers = database.execute(of_table, (table,)).fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        yield
        for _, sql in triggers:
            database.execute(sql)
        return
    has_triggers = "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal"
    if not database.execute(has_triggers, (table,)).fetchone():
        yield
        return
    database.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
    yield
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")  # pending checks would block ALTER TABLE
    database.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
