"""The id of the store, a random number among the counters of the database.

The folder or bucket of the stored files has it, too, so that no other store deletes them.
"""

import secrets
from collections.abc import Callable

from storage.db.database import Database
from storage.db.models import CounterRow

_OF_ALL_JOBS = ""
_ID, _FORMER = "version store id", "version store id before"
"""Behind the row `version`: the previous release finds that one only as the first of the table."""
_WHERE = f"WHERE type = '{_OF_ALL_JOBS}' AND name = "


def store_id(database: Database) -> str:
    """Return the id of the store, and give it one if it has none yet. Raises StoreError."""
    row = {"type": _OF_ALL_JOBS, "name": _ID, "value": secrets.randbits(63)}
    with database.transaction():
        database.run(CounterRow.insert(row).on_conflict_ignore())
    found = read_store_id(database)
    assert found
    return found


def read_store_id(database: Database) -> str | None:
    """Return the id of the store; None if no program of this release has used it yet."""
    return _read(database, _ID)


def former_store_id(database: Database) -> str | None:
    """Return the id of the store that a transfer copied, and whose files this one takes over."""
    return _read(database, _FORMER)


def forget_former_id(database: Database) -> None:
    """Delete the former id: the files are taken over."""
    database.run(CounterRow.delete().where(*_is(_FORMER)))


def change_store_id(execute: Callable[[str], object], keeps_former: bool = False) -> str:
    """Give a copy of a store an id of its own, by `execute`, which runs a statement; return it.

    With `keeps_former`, the copy takes over the files of the first store.
    """
    new = secrets.randbits(63)
    execute(f"DELETE FROM counter {_WHERE}'{_FORMER}'")
    if keeps_former:
        execute(f"UPDATE counter SET name = '{_FORMER}' {_WHERE}'{_ID}'")
    execute(f"DELETE FROM counter {_WHERE}'{_ID}'")
    execute(f"INSERT INTO counter (type, name, value) VALUES ('{_OF_ALL_JOBS}', '{_ID}', {new})")
    return _text(new)


def _read(database: Database, name: str) -> str | None:
    rows = database.rows(CounterRow.select(CounterRow.value).where(*_is(name)))
    return _text(rows[0]["value"]) if rows else None


def _is(name: str) -> tuple[object, object]:
    return CounterRow.type == _OF_ALL_JOBS, CounterRow.name == name


def _text(value: int) -> str:
    return f"{value:016x}"
