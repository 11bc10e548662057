"""Whether a store can take jobs now."""

import contextlib

from storage.db.database import Database
from storage.db.schema.migrate import pending_and_newer
from storage.records.job import StoreUnusable


class _Undo(Exception):
    pass


def require_ready(database: Database) -> None:
    """Raise StoreError unless the store takes changes and its schema is the one of this code.

    Makes a change and takes it back: nothing is written to the disk, and nobody sees it.
    """
    pending, newer = pending_and_newer(database)
    if pending or newer:
        found = f"newer by {newer[-1]}" if newer else f"older: {pending[0]} is missing"
        raise StoreUnusable(f"the schema of the database is {found}")
    with contextlib.suppress(_Undo), database.transaction():
        database.next_version(0)
        raise _Undo
