"""The words in which SQLite and PostgreSQL differ, as parts of queries. Imports nothing of ours."""

from typing import Any

import peewee as pw


class Dialect:
    """The dialect of an engine."""

    def __init__(self, engine: Any):
        self.engine = engine

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, for those few that must know."""
        return isinstance(self.engine, pw.PostgresqlDatabase)

    def for_update(self, query: Any) -> Any:
        """Lock the rows of a query that others may want too, passing over what they hold."""
        return query.for_update("FOR UPDATE SKIP LOCKED") if self.postgresql else query

    def by_index(self, query: Any, model: Any, index: str) -> Any:
        """Have SQLite read a table by this index; it keeps no statistics, and would sort all of a
        queue to take the first. In a subquery, `model` is an alias."""
        if self.postgresql:
            return query
        alias = model.alias if isinstance(model, pw.ModelAlias) else "t1"
        return query.from_(pw.SQL(f'"{model._meta.table_name}" AS "{alias}" INDEXED BY "{index}"'))

    def contains(self, field: Any, text: Any) -> Any:
        """Whether a text without capitals is in a field; A to Z may be in either case there."""
        if self.postgresql:  # whose LOWER goes by the language of the database, but for C
            return pw.fn.STRPOS(pw.fn.LOWER(field.collate('"C"')), text) > 0
        return pw.fn.INSTR(pw.fn.LOWER(field), text) > 0

    def lock(self, query: Any) -> Any:
        """Keep the rows of a query from being changed by others until the transaction ends."""
        return query.for_update("FOR UPDATE") if self.postgresql else query

    def share(self, query: Any) -> Any:
        """Keep the rows of a query from being deleted by others until the transaction ends."""
        return query.for_update("FOR KEY SHARE") if self.postgresql else query
