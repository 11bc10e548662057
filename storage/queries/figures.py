"""The state of all jobs in figures, at a cost that does not grow with the number of jobs.

What has happened is in the tallies; what is queued is what was submitted and has not ended. So only
what runs is counted, of which there is little.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.clock import Clock
from storage.db.counters import BUCKETS, bucket, total
from storage.db.database import Database
from storage.db.models import CounterRow, JobRow
from storage.jobs.open_queues import IS_RUNNING
from storage.jobs.queues import Queue, list_queues
from storage.liveness.runners import RegisteredRunner, living
from storage.records.states import FINAL, Status

OLDEST_ROWS = 1000
"""Queued jobs of a type, the first that were submitted, of which the longest due is sought."""
_RUNNING = "running"


@dataclass(frozen=True)
class LatencyHistogram:
    """Lengths of time: how many were up to each bound of BUCKETS, and how many more; the sum."""

    counts: Sequence[int]
    seconds: float


@dataclass(frozen=True)
class TypeFigures:
    """Those of one job type. The tallies are counted since the store was made."""

    tallies: Mapping[str, int]
    oldest_due_seconds: float | None = None
    """How long the job waits that is due for longest; None if none is due."""

    @property
    def running(self) -> int:
        """Jobs that runners hold."""
        return self.tallies.get(_RUNNING, 0)

    @property
    def finished(self) -> int:
        """Ends of jobs, for good or until a client has one retried."""
        return sum(self.tallies.get(f"finished {status}", 0) for status in FINAL)

    @property
    def queued(self) -> int:
        """Jobs that wait, due or not."""
        begun = self.tallies.get("submitted", 0) + self.tallies.get("client_retry", 0)
        return max(0, begun - self.finished - self.running)

    def histogram(self, name: str) -> LatencyHistogram:
        """One of lengths of time: wait, until a job that is due has started; or run."""
        counts = [self.tallies.get(bucket(name, at), 0) for at in range(len(BUCKETS) + 1)]
        return LatencyHistogram(counts, self.tallies.get(total(name), 0) / 1000)


@dataclass(frozen=True)
class Figures:
    """All of them."""

    types: Mapping[str, TypeFigures]
    runners: Sequence[RegisteredRunner] = field(default_factory=tuple)
    queues: Sequence[Queue] = field(default_factory=tuple)


def queued(database: Database) -> int:
    """How many jobs wait, of all types."""
    return sum(TypeFigures(mine).queued for mine in _counted(database).values())


def figures(database: Database, clock: Clock, folder: Path) -> Figures:
    """The figures now; `folder` has the locks of runners."""
    tallies, now = _counted(database), clock()
    types = {
        type: TypeFigures(mine, _oldest_due(database, type, now))
        for type, mine in sorted(tallies.items())
    }
    return Figures(types, living(database, folder), list_queues(database, now))


def _counted(database: Database) -> dict[str, Counter[str]]:
    """The tallies and what runs, by type."""
    tallies: dict[str, Counter[str]] = {}
    for row in database.rows(_tallies(database)):
        tallies.setdefault(row["type"], Counter())[row["name"]] += row["value"]
    return tallies


def _tallies(database: Database) -> Any:
    """The tallies and what runs, by one query: seen together, they fit together."""
    tallies = CounterRow.select(CounterRow.type, CounterRow.name, CounterRow.value)
    # Grouped by the database, all jobs would be read, in the order of their types.
    name, value = pw.Value(_RUNNING).alias("name"), pw.Value(1).alias("value")
    running = JobRow.select(JobRow.type, name, value).where(IS_RUNNING)
    return database.by_index(running, JobRow, "job_running").union_all(tallies)


def _oldest_due(database: Database, type: str, now: int) -> float | None:
    queued = JobRow.type == type, JobRow.status == Status.QUEUED
    first = JobRow.select(JobRow.run_at).where(*queued).order_by(JobRow.id).limit(OLDEST_ROWS)
    some = first.alias("some")
    oldest = pw.Select([some], [pw.fn.MIN(some.c.run_at).alias("run_at")])
    (row,) = database.rows(oldest.where(some.c.run_at <= now))
    return None if row["run_at"] is None else (now - row["run_at"]) / 1000
