"""How far the move is that fills a database, kept in that database itself."""

from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.records.job import StoreUnusable

NAME = "move"
TABLE = """
CREATE TABLE move (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    version BIGINT NOT NULL,
    copying TEXT NOT NULL,
    after TEXT,
    finished_at BIGINT
)"""


class CheckpointRow(pw.Model):
    """How far the move is that fills this database, in one row; without one, there is no table.

    `version` is that of the newest change in the source, `after` the last key of the table that
    is being copied, as JSON.
    """

    id = pw.IntegerField(primary_key=True)
    source = pw.TextField()
    version = pw.BigIntegerField()
    copying = pw.TextField()
    after = pw.TextField(null=True)
    finished_at = pw.BigIntegerField(null=True)

    class Meta:
        table_name = NAME


def marker(database: Database) -> dict[str, Any] | None:
    """The row of `CheckpointRow`; None for a database that was not filled by a move."""
    with database.translate_errors():
        tables = database.engine.get_tables()
    if NAME not in tables:
        return None
    rows = database.rows(CheckpointRow.select())
    return rows[0] if rows else None


def begin(database: Database, source: str, version: int, first: str) -> dict[str, Any]:
    """Mark a database as one that is being filled, from its table `first` on."""
    row: dict[str, Any] = {"id": 1, "source": source, "version": version, "copying": first}
    row |= {"after": None, "finished_at": None}
    with database.transaction():
        database.execute(TABLE)
        database.run(CheckpointRow.insert(**row))
    return row


def note(database: Database, **changes: Any) -> None:
    """Change some columns of the row."""
    database.run(CheckpointRow.update(**changes).where(CheckpointRow.id == 1))


def refuse_unfinished_transfer(database: Database) -> None:
    """Raise StoreUnusable for a database that a move has not filled to its end."""
    move = marker(database)
    if move and move["finished_at"] is None:
        raise StoreUnusable(
            f"the move from {move['source']} is not finished: run `python -m storage migrate` again"
        )
