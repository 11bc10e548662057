"""Counts what happens to jobs, by type: in the transaction in which it happens, so that sums are
as exact and as durable as the jobs, and the same for all who ask.

While a transaction runs, its thread counts in memory. At its end, each sum that has changed is one
row that is changed: however many jobs a transaction is about, there are few of them.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from functools import cache
from typing import Any

import peewee as pw

from storage.db.models import CounterRow
from storage.db.parameters import parameter

BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)
"""Upper bounds of a histogram's buckets in seconds; what is above the last is in one more."""
ABOVE = "inf"


class PendingCounts(threading.local):
    """What a thread's transaction has counted so far."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, type: str, name: str, count: int = 1) -> None:
        """Count something that has happened to jobs of a type."""
        self.counts[type, name] += count

    def observe(self, type: str, name: str, ms: int) -> None:
        """Put a length of time into a histogram."""
        ms = max(0, ms)
        self.counts[type, bucket(name, bisect_left(BUCKETS, ms / 1000))] += 1
        self.counts[type, total(name)] += ms

    def take(self) -> list[dict[str, Any]]:
        """All of it, in one order for all transactions; nothing is left."""
        counts, self.counts = self.counts, defaultdict(int)
        return [
            {"type": type, "name": name, "value": value}
            for (type, name), value in sorted(counts.items())
        ]


@cache
def bucket(name: str, at: int) -> str:
    """The name of a histogram's bucket, by its place."""
    return f"{name} {BUCKETS[at] if at < len(BUCKETS) else ABOVE}"


@cache
def total(name: str) -> str:
    """The name of a histogram's sum, in milliseconds."""
    return f"{name} ms"


def add_statement() -> Any:
    """Adds to a sum that may be there."""
    names = ("type", "name", "value")
    insert = CounterRow.insert(**{name: parameter(getattr(CounterRow, name)) for name in names})
    grown = CounterRow.value + pw.EXCLUDED.value
    return insert.on_conflict(
        conflict_target=[CounterRow.type, CounterRow.name], update={CounterRow.value: grown}
    )
