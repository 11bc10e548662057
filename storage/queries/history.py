"""The job counters at moments of the last hour. Two moments and the time between them give a rate.

Every runner records moments at the same fixed times, so the first one stores the row and the others
find it. While nothing happens, no rows are stored. When a pause ends, its last moment is added
afterwards.
"""

from collections import Counter

from storage.db.database import Database
from storage.db.models import CounterRow, MomentRow
from storage.queries.stats import TypeStats

STEP_SECONDS = 60.0
KEPT_MS = 3600 * 1000
_STEP_MS = round(1000 * STEP_SECONDS)
_SUMS = (MomentRow.submitted, MomentRow.finished, MomentRow.waits, MomentRow.waited_ms)


def record_moment(database: Database, now: int) -> None:
    """Store the current sums if they have changed, and delete moments older than an hour."""
    at = now - now % _STEP_MS
    known = database.rows(MomentRow.select().order_by(MomentRow.at.desc()).limit(1))
    last = known[0] if known else None
    sums = _sums(database)
    if last and (last["at"] == at or all(last[name] == value for name, value in sums.items())):
        return
    rows = [{"at": at, **sums}]
    if last and last["at"] < at - _STEP_MS:
        rows.insert(0, {**last, "at": at - _STEP_MS})
    # Moments in the future were recorded before the clock was set back.
    outside = (MomentRow.at < now - KEPT_MS) | (MomentRow.at > now)
    with database.transaction():
        database.run(MomentRow.delete().where(outside))
        database.run(MomentRow.insert_many(rows).on_conflict_ignore())


def last_hour(database: Database, now: int) -> list[dict[str, int]]:
    """Return the moments of the last hour, oldest first.

    Each has `at` (milliseconds since 1970), and counters since the store was created: jobs
    submitted and finished, and the number and total duration of waits (`waits`, `waited_ms`).
    """
    kept = MomentRow.select().where(MomentRow.at.between(now - KEPT_MS, now))
    return database.rows(kept.order_by(MomentRow.at))


def _sums(database: Database) -> dict[str, int]:
    """The sums over all job types, by column name."""
    counts: Counter[str] = Counter()
    query = CounterRow.select(CounterRow.name, CounterRow.value)
    for row in database.rows(query):
        counts[row["name"]] += row["value"]
    all_types = TypeStats(counts)
    wait, finished = all_types.histogram("wait"), all_types.finished
    values = counts["submitted"], finished, sum(wait.counts), round(1000 * wait.seconds)
    return {column.name: value for column, value in zip(_SUMS, values, strict=True)}
