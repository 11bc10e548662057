"""Counters of events in the life of jobs, by job type.

The transaction that changes a job also changes its counters. So the sums are as exact and as
durable as the jobs, and every reader sees the same sums.

During a transaction, its thread counts in memory. At the end, one row is updated for each counter
that has changed, however many jobs the transaction has changed.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from functools import cache

import peewee as pw

from storage.db.models import CounterRow
from storage.db.parameters import parameter
from storage.db.statements import Row

BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)
"""Upper bounds of a histogram's buckets in seconds. One more bucket holds all longer durations."""
ABOVE = "inf"


class PendingCounts(threading.local):
    """Counts of the current transaction of a thread."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, type: str, name: str, count: int = 1) -> None:
        """Count an event of jobs of a type."""
        self.counts[type, name] += count

    def observe(self, type: str, name: str, ms: int) -> None:
        """Add a duration in milliseconds to a histogram."""
        ms = max(0, ms)
        self.counts[type, bucket(name, bisect_left(BUCKETS, ms / 1000))] += 1
        self.counts[type, total(name)] += ms

    def take(self) -> list[Row]:
        """Return all pending counts as rows, and clear them.

        The rows are sorted, so that concurrent transactions lock the counters in the same order.
        """
        counts, self.counts = self.counts, defaultdict(int)
        return [
            {"type": type, "name": name, "value": value}
            for (type, name), value in sorted(counts.items())
        ]


@cache
def bucket(name: str, index: int) -> str:
    """Return the counter name of the histogram bucket with this index."""
    return f"{name} {BUCKETS[index] if index < len(BUCKETS) else ABOVE}"


@cache
def total(name: str) -> str:
    """Return the counter name of a histogram's sum, which is in milliseconds."""
    return f"{name} ms"


def add_statement() -> pw.Insert:
    """Build the upsert that adds a value to a counter."""
    names = ("type", "name", "value")
    insert = CounterRow.insert(**{name: parameter(getattr(CounterRow, name)) for name in names})
    increased = CounterRow.value + pw.EXCLUDED.value
    return insert.on_conflict(
        conflict_target=[CounterRow.type, CounterRow.name], update={CounterRow.value: increased}
    )
