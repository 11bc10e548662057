"""The methods of database engines beside Peewee's: SQLite and PostgreSQL differ only here."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import peewee as pw

from storage.db.statements import Arguments, BoundStatement, Rows, Statement
from storage.records.job import StoreError

Q = TypeVar("Q", bound=pw.Select)


class Pending(Protocol):
    """The result of a statement that may still have to run."""

    def value(self) -> Any:
        """Return the single value of the result."""


class Engine(Protocol):
    """A database of Peewee with its connections, transactions, statements and dialect."""

    @property
    def peewee(self) -> pw.Database:
        """This object, with the type that queries and schema managers of Peewee take."""

    @property
    def database(self) -> str:
        """The path of the file, or the name of the database on its server."""

    @property
    def file(self) -> Path | None:
        """The file; None if the database is on a server."""

    @property
    def is_optimistic(self) -> bool:
        """Whether changes assume that their guards hold."""

    # Connections

    def raw_connection(self) -> Any:
        """Return a new connection of the driver in autocommit mode. The caller closes it."""

    def close(self) -> bool:
        """Close the connection of this thread; return whether it had one."""

    def close_all(self) -> None:
        """Close the connections of all threads. None of them may be in use."""

    def is_connection_lost(self) -> bool:
        """Return whether the server has ended the connection."""

    # Transactions

    def atomic(self) -> AbstractContextManager[object]:
        """Return a block of code that is a transaction."""

    def in_transaction(self) -> bool:
        """Return whether this thread is in a transaction."""

    def optimistic(self) -> AbstractContextManager[None]:
        """Make the transactions of this thread optimistic in a block, see `pipeline.py`.

        Raises OptimisticConflict if a row was not in the expected state.
        """

    # Statements

    def execute_sql(self, sql: str, params: Arguments | None = None) -> Any:
        """Run a statement after the deferred ones, and return its cursor."""

    def execute_each(self, statements: Sequence[BoundStatement]) -> list[Any]:
        """Run several statements after the deferred ones, and return their cursors."""

    def defer(self, sql: str, parameters: Arguments) -> Pending:
        """Run a statement together with the next one or the commit."""

    def defer_each(self, statement: Statement, rows: Rows) -> None:
        """Defer a changing statement for each row."""

    def change_each_guarded(self, statement: Statement, rows: Rows) -> list[bool]:
        """Run an UPDATE for each row; return where it has changed something."""

    # Errors

    def store_error(self, error: pw.PeeweeException) -> StoreError | None:
        """Return the state of the store that an error shows; None for an error in a query."""

    def is_rolled_back(self, error: StoreError) -> bool:
        """Return whether a failed commit certainly had no effect."""

    # Schema and dialect

    def get_tables(self) -> list[str]:
        """Return the names of the tables."""

    def table_exists(self, table_name: str) -> bool:
        """Return whether there is a table of this name."""

    def skip_locked(self, query: Q) -> Q:
        """Lock the rows of a query, and skip rows that other transactions have locked."""

    def lock(self, query: Q) -> Q:
        """Lock the rows of a query against changes by others until the transaction ends."""

    def share(self, query: Q) -> Q:
        """Lock the rows of a query against deletion by others until the transaction ends."""

    def by_index(self, query: Q, model: "type[pw.Model] | pw.ModelAlias[Any]", index: str) -> Q:
        """Make a query read a table by this index, where the engine needs such a hint.

        In a subquery, `model` is an alias.
        """

    def contains(self, field: pw.ColumnBase, text: object) -> pw.Expression:
        """Return the condition that a field contains a text, which must be in lower case.

        The comparison ignores case for the letters A to Z.
        """
