"""Compares the counters with the rows that they describe, and corrects them.

The number of jobs of a type that are not final is counted twice: as rows, and as the number that
was submitted or retried less the number that became final. One query reads both, so it is right
while programs run. A difference comes from changes by hand, or from a restored part of a database.
"""

from dataclasses import dataclass

from admin.store_checks.reading import Reader
from storage.db.database import Database
from storage.db.models import CounterRow
from storage.db.versions import IS_VERSION
from storage.records.states import FINAL, Status

_BEGUN = ("submitted", "client_retry")
_ENDED = tuple(sorted(f"finished {status}" for status in FINAL))


@dataclass(frozen=True)
class CounterDifference:
    """The unfinished jobs of a type, as rows and by the counters."""

    type: str
    rows: int
    counted: int


def counter_differences(reader: Reader, postgresql: bool) -> list[CounterDifference]:
    """Return the types whose counters differ from their rows. Raises TookTooLong and StoreError."""
    rows = reader.rows(_differences(postgresql))
    return [CounterDifference(str(each[0]), int(each[1]), int(each[2])) for each in rows]


def correct_counters(database: Database, differences: list[CounterDifference]) -> None:
    """Add the differences to the counters, which may have changed meanwhile.

    All values only grow: missing jobs count as submitted, and vanished ones as canceled.
    """
    with database.transaction():
        for each in differences:
            missing = each.rows - each.counted
            name = _BEGUN[0] if missing > 0 else f"finished {Status.CANCELED}"
            database.counters.add(each.type, name, abs(missing))


def version_behind(reader: Reader) -> tuple[int, int] | None:
    """Return the stored newest version and the newest one of an event, if that is larger.

    Then new changes would get the versions of old ones. Raises TookTooLong and StoreError.
    """
    counter = f"SELECT value FROM counter WHERE {IS_VERSION.sql}"
    ((stored, used),) = reader.rows(
        f"SELECT coalesce(({counter}), 0), coalesce((SELECT max(version) FROM event), 0)"
    )
    return (int(stored), int(used)) if used > stored else None


def advance_version(database: Database, version: int) -> None:
    """Set the newest version, unless it is larger already."""
    is_behind = IS_VERSION, CounterRow.value < version
    database.run(CounterRow.update(value=version).where(*is_behind))


def _differences(postgresql: bool) -> str:
    index = "" if postgresql else " INDEXED BY job_unfinished"
    begun, ended = (", ".join(f"'{name}'" for name in names) for names in (_BEGUN, _ENDED))
    return f"""
SELECT type, CAST(sum(stored) AS BIGINT), CAST(sum(counted) AS BIGINT) FROM (
    SELECT type, 1 AS stored, 0 AS counted FROM job{index} WHERE finished_at IS NULL
    UNION ALL
    SELECT type, 0, CASE WHEN name IN ({begun}) THEN value ELSE -value END FROM counter
        WHERE name IN ({begun}, {ended})
) AS jobs GROUP BY type HAVING sum(stored) <> sum(counted) ORDER BY type"""
