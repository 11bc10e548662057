"""Which migrations a database has, and whether this release works with them.

Two releases share a database during an update and after a rollback, so the database may have
migrations that a program does not know. Each migration declares the oldest release that works with
the schema after it. The database stores the newest of these declarations.
"""

import importlib.util
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from storage.db.database import Database
from storage.db.models import ReleaseRow
from storage.records.job import StoreUnusable

MIGRATIONS = Path(__file__).parents[2] / "migrations"
HISTORY = "schema_migration"
SCHEMA = "0052_schema"
"""The migration that makes the whole schema of a new database. It replaces all earlier ones."""
BEFORE_SCHEMA = "0.2.0"
"""The last release that has the migrations that SCHEMA replaces."""


@dataclass(frozen=True)
class SchemaState:
    """The migrations that the database lacks, and those unknown to this code, oldest first.

    A start applies `pending`, and leaves `contractions` to the command `contract`. `is_new`: the
    database has no migration at all. `oldest`: a release that has this migration works with the
    schema; None before there was such a declaration. `last`: the last migration of this release.
    `lacking`: migrations of earlier releases that this one cannot apply.
    """

    pending: list[str]
    contractions: list[str]
    is_new: bool
    newer: list[str]
    oldest: str | None
    last: str
    lacking: list[str] = field(default_factory=list)

    @property
    def is_compatible(self) -> bool:
        """Whether this release works with the migrations that it does not know."""
        return not self.lacking and (not self.newer or self.oldest in known_names())

    def require_compatible(self) -> None:
        """Raise StoreUnusable, which names a release that works with the schema."""
        require_replaced(self.lacking)
        if not self.is_compatible:
            raise StoreUnusable(
                f"the database has a newer schema ({self.newer[-1]}): it needs a release with the "
                f"migration {self.oldest or self.newer[-1]} or a later one, but this one ends with "
                f"{self.last}"
            )


def read_state(database: Database) -> SchemaState:
    """Compare the migrations of the database with the migrations of this code."""
    known, found = known_names(), applied(database)
    newer = sorted(found - known)
    # Only then: all releases that have such a table find it, whatever else they do not know.
    oldest = read_oldest(database) if newer else None
    missing = to_apply(known, found)
    lacking = sorted(replaced().intersection(missing)) if found else []
    contractions = [name for name in missing if name not in lacking and is_contraction(name)]
    pending = [name for name in missing if name not in (*lacking, *contractions)]
    return SchemaState(pending, contractions, not found, newer, oldest, max(known), lacking)


def known_names() -> set[str]:
    """Return the names of this release's migrations, including the ones that SCHEMA replaces."""
    return {file.stem for file in MIGRATIONS.glob("[0-9]*.py")} | replaced()


def replaced() -> set[str]:
    """Return the names of the migrations that SCHEMA replaces."""
    return set(load(SCHEMA).REPLACES)


def to_apply(names: Collection[str], found: Collection[str]) -> list[str]:
    """Return the `names` that are not in `found`, oldest first.

    SCHEMA stands for all that it replaces, in both.
    """
    missing, old = set(names) - set(found), replaced()
    if old <= missing:
        return sorted(missing - old | {SCHEMA})
    return sorted(missing - {SCHEMA})


def require_replaced(lacking: Sequence[str]) -> None:
    """Raise StoreUnusable if migrations are lacking that this release no longer has."""
    if lacking:
        raise StoreUnusable(
            f"the schema is that of an earlier release, without {lacking[0]}: start release"
            f" {BEFORE_SCHEMA} with it once, then run `python -m storage contract` of that release"
        )


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
