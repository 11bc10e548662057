"""The progress of a transfer, stored in the target database in a table `move`."""

import peewee as pw

from storage.db.database import Database
from storage.db.statements import Row
from storage.records.job import StoreUnusable

TABLE_NAME = "move"


class CheckpointRow(pw.Model):
    """The progress of the transfer that fills this database, in one row. Other databases have no
    such table.

    `version` is the newest change number of the source when the transfer began. `copying` is the
    table being copied, and `after` the last key copied from it, as JSON.
    """

    id = pw.IntegerField(primary_key=True)
    source = pw.TextField()
    version = pw.BigIntegerField()
    copying = pw.TextField()
    after = pw.TextField(null=True)
    finished_at = pw.BigIntegerField(null=True)

    class Meta:
        table_name = TABLE_NAME


def read_checkpoint(database: Database) -> Row | None:
    """Return the row of `CheckpointRow`, or None if no transfer has filled this database."""
    with database.translate_errors():
        tables = database.engine.get_tables()
    if TABLE_NAME not in tables:
        return None
    rows = database.rows(CheckpointRow.select())
    return rows[0] if rows else None


def create_checkpoint(database: Database, source: str, version: int, first: str) -> Row:
    """Create the table and its row; `first` is the first table to copy. Returns the row."""
    row: Row = {"id": 1, "source": source, "version": version, "copying": first}
    row |= {"after": None, "finished_at": None}
    with database.transaction():
        pw.SchemaManager(CheckpointRow, database.engine.peewee).create_table(safe=False)
        database.run(CheckpointRow.insert(**row))
    return row


def update_checkpoint(database: Database, **changes: object) -> None:
    """Change some columns of the row."""
    database.run(CheckpointRow.update(**changes).where(CheckpointRow.id == 1))


def refuse_unfinished_transfer(database: Database) -> None:
    """Raise StoreUnusable for a database that is only partly filled by a transfer."""
    checkpoint = read_checkpoint(database)
    if checkpoint and checkpoint["finished_at"] is None:
        raise StoreUnusable(
            f"the transfer from {checkpoint['source']} is not finished: "
            "run `python -m storage transfer` again"
        )
