"""Migrations of releases that do not exist yet, and what a migration changes for older programs."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.db.database import Database, open_engine
from storage.db.schema import migrate, state

EXPAND = (
    "ALTER TABLE job ADD COLUMN mood TEXT",
    "ALTER TABLE job ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE attempt ADD COLUMN mood TEXT",
    "ALTER TABLE queue ADD COLUMN mood TEXT",
    "ALTER TABLE runner ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE upload ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE event ADD COLUMN mood TEXT",
    "ALTER TABLE counter ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "CREATE TABLE mood (name TEXT PRIMARY KEY, since BIGINT NOT NULL)",
    "CREATE INDEX job_mood ON job (mood)",
)
"""Statements with which the programs of this release have to work."""
NAME = "9998_mood"
OLDEST = state.oldest_of(state.SCHEMA)
"""The oldest release that works with the schema of this one."""
# The column names of the CHECK constraints of each table. SQLite adds none to an existing table.
_CHECKS = """
SELECT constraints.conname, attributes.attname FROM pg_constraint constraints
JOIN pg_attribute attributes ON attributes.attrelid = constraints.conrelid
    AND attributes.attnum = ANY (constraints.conkey)
WHERE constraints.contype = 'c' AND constraints.conrelid = to_regclass(%s)"""


@dataclass(frozen=True)
class Table:
    """The columns of a table by name, and the columns that each of its constraints restricts."""

    columns: dict[str, Any]
    constraints: dict[str, tuple[str, ...]]


@contextmanager
def release_with(
    folder: Path, statements: Sequence[str], oldest: str | None, name: str = NAME, more: str = ""
) -> Iterator[None]:
    """This code becomes a release with one more migration for the duration of the block.

    `oldest` is what the migration declares; None: it declares nothing. `more`: further lines of it.
    """
    migrations = folder / f"migrations {name}"
    if not migrations.exists():
        shutil.copytree(state.MIGRATIONS, migrations)
    lines = [f"OLDEST = {oldest!r}"] if oldest else []
    lines += [more, "def up(migrator, db):", "    pass"]
    lines += [f"    db.execute_sql({statement!r})" for statement in statements]
    (migrations / f"{name}.py").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "MIGRATIONS", migrations)
        yield


def update_schema(url: str, folder: Path) -> None:
    """Migrate a database with the migrations of the release of the moment."""
    database = Database(open_engine(url))
    try:
        migrate.bring_up_to_date(database, folder)
    finally:
        database.close()


def update_schema_to(url: str, folder: Path, last: str) -> None:
    """Migrate a database with the migrations up to this one."""
    migrations = folder / f"migrations up to {last}"
    later = [each.name for each in state.MIGRATIONS.glob("[0-9]*.py") if each.stem > last]
    shutil.copytree(state.MIGRATIONS, migrations, ignore=lambda *_: later)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "MIGRATIONS", migrations)
        update_schema(url, folder)


def make_before_schema(url: str, folder: Path, without: str = "") -> None:
    """Make a database of the last release before the one with the schema in one migration.

    `without` names a migration that it lacks.
    """
    update_schema(url, folder)
    database = Database(open_engine(url))
    try:
        for name in (state.SCHEMA, without):
            database.execute(f"DELETE FROM {state.HISTORY} WHERE name = '{name}'")
    finally:
        database.close()


def read_schema(url: str) -> dict[str, Table]:
    """Read the tables of a database by name."""
    database = Database(open_engine(url))
    try:
        return {table: _read_table(database, table) for table in database.engine.get_tables()}
    finally:
        database.close()


def harm_to_older_programs(before: dict[str, Table], after: dict[str, Table]) -> list[str]:
    """The changes that older programs cannot work with, as lines: none if the change only adds."""
    lines = [f"{table} is gone" for table in sorted(before.keys() - after.keys())]
    for table in sorted(before.keys() & after.keys()):
        lines += [f"{table}: {line}" for line in _harm_in_table(before[table], after[table])]
    return lines


def _harm_in_table(before: Table, after: Table) -> Iterator[str]:
    for name, column in before.columns.items():
        if name not in after.columns:
            yield f"{name} is gone"
        elif after.columns[name] != column:
            yield f"{name} is changed"
    for name in after.columns.keys() - before.columns.keys():
        if not after.columns[name].null and after.columns[name].default is None:
            yield f"{name} is NOT NULL without a default"
    for name in after.constraints.keys() - before.constraints.keys():
        if set(after.constraints[name]) & before.columns.keys():
            yield f"{name} restricts {', '.join(after.constraints[name])}"


def _read_table(database: Database, table: str) -> Table:
    engine = database.engine.peewee
    found = {
        f"unique index {each.name}": tuple(each.columns)
        for each in engine.get_indexes(table)
        if each.unique
    }
    for key in engine.get_foreign_keys(table):
        found[f"foreign key of {key.column}"] = (key.column,)
    if database.postgresql:
        for name, column in database.engine.execute_sql(_CHECKS, (table,)):
            found[f"check {name}"] = (*found.get(f"check {name}", ()), column)
    return Table({each.name: each for each in engine.get_columns(table)}, found)
