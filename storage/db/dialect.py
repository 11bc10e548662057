"""The parts of queries in which SQLite and PostgreSQL differ. Imports nothing of ours."""

from typing import Any

import peewee as pw


class Dialect:
    """The SQL dialect of an engine."""

    def __init__(self, engine: Any):
        self.engine = engine

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, for the few callers that must know."""
        return isinstance(self.engine, pw.PostgresqlDatabase)

    def for_update(self, query: Any) -> Any:
        """Lock the rows of a query, and skip those that other transactions have locked."""
        return query.for_update("FOR UPDATE SKIP LOCKED") if self.postgresql else query

    def by_index(self, query: Any, model: Any, index: str) -> Any:
        """Make SQLite read a table by this index.

        SQLite keeps no statistics here, and would sort a whole queue to find its first job. In a
        subquery, `model` is an alias.
        """
        if self.postgresql:
            return query
        alias = model.alias if isinstance(model, pw.ModelAlias) else "t1"
        return query.from_(pw.SQL(f'"{model._meta.table_name}" AS "{alias}" INDEXED BY "{index}"'))

    def contains(self, field: Any, text: Any) -> Any:
        """Return the condition that a field contains a text, which must be in lower case.

        The comparison ignores case for the letters A to Z.
        """
        if self.postgresql:  # collation C, since LOWER depends on the database's locale
            return pw.fn.STRPOS(pw.fn.LOWER(field.collate('"C"')), text) > 0
        return pw.fn.INSTR(pw.fn.LOWER(field), text) > 0

    def lock(self, query: Any) -> Any:
        """Lock the rows of a query against changes by others until the transaction ends."""
        return query.for_update("FOR UPDATE") if self.postgresql else query

    def share(self, query: Any) -> Any:
        """Lock the rows of a query against deletion by others until the transaction ends."""
        return query.for_update("FOR KEY SHARE") if self.postgresql else query
