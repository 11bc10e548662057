"""The changes that the next start would make to a database's schema, and about how long they take.

A migration that reads all rows of a table once, to index or change them, says so:

    SCANS = {"job": 3}      # three indexes on the table of jobs

All others only change the catalogue of the database, whatever its size.
"""

from dataclasses import dataclass

from storage.db.database import Database
from storage.db.schema import state
from storage.db.schema.state import SchemaState

SECONDS_PER_MILLION = 1.0
"""How long a scan of a million rows takes. Measured with a million jobs on two cores that were busy
otherwise: 1.1 s on SQLite and 0.5 s on PostgreSQL. An idle machine takes less."""


@dataclass(frozen=True)
class PlannedMigration:
    """A migration that a start would apply. `about` is the first line of its description."""

    name: str
    about: str
    seconds: float


@dataclass(frozen=True)
class Plan:
    """The changes that the next start of this release would make.

    needs: the oldest release that works with the database after its migrations, by its last one;
        None if there is nothing to do.
    """

    state: SchemaState
    migrations: tuple[PlannedMigration, ...]
    needs: str | None

    @property
    def seconds(self) -> int:
        """About how long all migrations take, in whole seconds; 0 for less than half a second."""
        return round(sum(each.seconds for each in self.migrations))


def read_plan(database: Database) -> Plan:
    """Return what a start would do to a database. Changes nothing. Raises StoreError."""
    found = state.read_state(database)
    names = [] if found.is_new else found.pending
    rows: dict[str, int] = {}
    migrations = []
    for name in names:
        migration = state.load(name)
        scans = getattr(migration, "SCANS", {})
        for table in scans.keys() - rows.keys():
            rows[table] = _rows(database, table)
        millions = sum(rows[table] * count for table, count in scans.items()) / 1e6
        about = (migration.__doc__ or "").strip().partition("\n")[0]
        migrations.append(PlannedMigration(name, about, millions * SECONDS_PER_MILLION))
    if not names:
        return Plan(found, (), None)
    oldest = [state.read_oldest(database) or "", *map(state.oldest_of, names)]
    return Plan(found, tuple(migrations), max(oldest))


def _rows(database: Database, table: str) -> int:
    """Return about how many rows a table has; 0 if there is none yet."""
    if not database.engine.table_exists(table):
        return 0
    if database.postgresql:
        estimate = "SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)"
        ((found,),) = database.engine.execute_sql(estimate, (table,)).fetchall()
        if found >= 0:  # else the table was never analyzed
            return int(found)
    ((count,),) = database.execute(f'SELECT count(*) FROM "{table}"').fetchall()
    return int(count)
