"""Which migrations a database has, and whether this release works with them.

Two releases share a database during an update and after a rollback, so the database may have
migrations that a program does not know. Each migration declares the oldest release that works with
the schema after it. The database stores the newest of these declarations.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from storage.db.database import Database
from storage.db.models import ReleaseRow
from storage.records.job import StoreUnusable

MIGRATIONS = Path(__file__).parents[2] / "migrations"
HISTORY = "schema_migration"


@dataclass(frozen=True)
class SchemaState:
    """The migrations that the database lacks, and those unknown to this code, oldest first.

    `pending` are those that a start applies, `contractions` those that it leaves to the command
    `contract`. `is_new`: the database has no migration at all. `oldest`: a release that has this
    migration works with the schema; None before there was such a declaration. `last`: the last
    migration of this release.
    """

    pending: list[str]
    contractions: list[str]
    is_new: bool
    newer: list[str]
    oldest: str | None
    last: str

    @property
    def is_compatible(self) -> bool:
        """Whether this release works with the migrations that it does not know."""
        return not self.newer or (self.oldest is not None and _file(self.oldest).exists())

    def require_compatible(self) -> None:
        """Raise StoreUnusable, which names the oldest release that works with the schema."""
        if not self.is_compatible:
            raise StoreUnusable(
                f"the database has a newer schema ({self.newer[-1]}): it needs a release with the "
                f"migration {self.oldest or self.newer[-1]} or a later one, but this one ends with "
                f"{self.last}"
            )


def read_state(database: Database) -> SchemaState:
    """Compare the migrations of the database with those of this code."""
    known = {file.stem for file in MIGRATIONS.glob("[0-9]*.py")}
    found = applied(database)
    newer = sorted(found - known)
    # Only then: all releases that have such a table find it, whatever else they do not know.
    oldest = read_oldest(database) if newer else None
    missing = sorted(known - found)
    contractions = [name for name in missing if is_contraction(name)]
    pending = [name for name in missing if name not in contractions]
    return SchemaState(pending, contractions, not found, newer, oldest, max(known))


def applied(database: Database) -> set[str]:
    """Return the names of the migrations that the database has."""
    with database.translate_errors():
        if not database.engine.table_exists(HISTORY):
            return set()
        rows = database.engine.execute_sql(f"SELECT name FROM {HISTORY}")
        return {name for (name,) in rows}


def read_oldest(database: Database) -> str | None:
    """Return the stored declaration; None if the database has none yet."""
    with database.translate_errors():
        if not database.engine.table_exists(ReleaseRow._meta.table_name):
            return None
    rows = database.rows(ReleaseRow.select(ReleaseRow.oldest))
    return str(rows[0]["oldest"]) if rows else None


def oldest_of(name: str) -> str:
    """Return what a migration declares. One that declares nothing works with no older release."""
    return str(getattr(load(name), "OLDEST", name))


def is_contraction(name: str) -> bool:
    """Return whether a start of this release leaves a migration out in an existing database.

    Programs of the previous release may still run, and need what the migration drops.
    """
    return bool(getattr(load(name), "CONTRACT", False))


def load(name: str) -> ModuleType:
    """Import a migration."""
    spec = importlib.util.spec_from_file_location(name, _file(name))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _file(name: str) -> Path:
    return MIGRATIONS / f"{name}.py"
