"""Statistics over all jobs, at a cost that does not grow with the number of jobs.

Events are counted as they happen. The number of queued jobs is the number submitted minus the
number finished and running. So only running jobs are counted by a query, and those are few.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import peewee as pw

from storage.claiming.candidates import BELOW_ALL_PRIORITIES, priorities_above
from storage.db.backups_made import BackupStats, read_backups
from storage.db.clock import Clock
from storage.db.counters import BUCKETS, bucket, total
from storage.db.database import Database
from storage.db.models import CounterRow, JobRow, ScheduleRow
from storage.db.parameters import parameter
from storage.jobs.open_queues import IS_QUEUED, IS_RUNNING, UNFINISHED
from storage.jobs.queues import Queue, list_queues
from storage.liveness.lost_runners import count_lost_runners, lost_runners
from storage.liveness.runners import RegisteredRunner, registered_runners
from storage.records.states import FINAL

LOST_SECONDS = 3600.0
OLDEST_ROWS = 1000
"""Number of due jobs of a queue and a priority, the longest due, in which types are sought."""
_RUNNING = "running"


@dataclass(frozen=True)
class LatencyHistogram:
    """A histogram of durations: number of values up to each bound of BUCKETS, then above all of
    them; and the sum of all values in seconds."""

    counts: Sequence[int]
    seconds: float


@dataclass(frozen=True)
class TypeStats:
    """Statistics of one job type. The counters start when the store is created."""

    counters: Mapping[str, int]
    oldest_due_seconds: float | None = None
    """How long the longest due job has been due; None if no job is due."""

    @property
    def running(self) -> int:
        """Number of jobs that runners hold."""
        return self.counters.get(_RUNNING, 0)

    @property
    def finished(self) -> int:
        """Number of times a job became final. A job that a client retries counts again."""
        return sum(self.counters.get(f"finished {status}", 0) for status in FINAL)

    @property
    def queued(self) -> int:
        """Number of queued jobs, due or not."""
        begun = self.counters.get("submitted", 0) + self.counters.get("client_retry", 0)
        return max(0, begun - self.finished - self.running)

    def histogram(self, name: str) -> LatencyHistogram:
        """A histogram by name: `wait`, from due to started, or `run`."""
        counts = [self.counters.get(bucket(name, at), 0) for at in range(len(BUCKETS) + 1)]
        return LatencyHistogram(counts, self.counters.get(total(name), 0) / 1000)


@dataclass(frozen=True)
class ScheduleStats:
    """How many schedules are paused or not, and how long the longest due one has waited."""

    active: int = 0
    paused: int = 0
    late_seconds: float = 0.0


@dataclass(frozen=True)
class Stats:
    """Statistics of all job types, and of runners, queues, schedules and backups."""

    types: Mapping[str, TypeStats]
    runners: Sequence[RegisteredRunner] = field(default_factory=tuple)
    queues: Sequence[Queue] = field(default_factory=tuple)
    schedules: ScheduleStats = field(default_factory=ScheduleStats)
    backups: BackupStats = field(default_factory=BackupStats)
    at: int = 0
    """When they were read, in milliseconds since 1970."""
    lost_runners: Sequence[RegisteredRunner] = ()
    """The runners whose lease has ended within LOST_SECONDS; they are not in `runners`."""
    runners_lost: int = 0
    """How many runners were lost since the store exists."""

    @property
    def ready_runners(self) -> list[RegisteredRunner]:
        """The runners that can start jobs: those without a stale heartbeat."""
        return [runner for runner in self.runners if not runner.is_stale]


def count_queued(database: Database) -> int:
    """Number of queued jobs of all types."""
    return sum(TypeStats(mine).queued for mine in _counts_by_type(database).values())


def read_stats(database: Database, clock: Clock, folder: Path) -> Stats:
    """Return the current statistics. `folder` holds the lock files of the runners."""
    counters, now = _counts_by_type(database), clock()
    queues = list_queues(database, now)
    first = _first_due(database, [each.name for each in queues if each.queued], now)
    types = {
        type: TypeStats(mine, (now - first[type]) / 1000 if type in first else None)
        for type, mine in sorted(counters.items())
    }
    runners = registered_runners(database, folder)
    schedules = _schedule_stats(database, now)
    lost = [each.as_registered() for each in lost_runners(database, LOST_SECONDS)]
    known = runners, queues, schedules, read_backups(database), now, lost
    return Stats(types, *known, count_lost_runners(database))


def _schedule_stats(database: Database, now: int) -> ScheduleStats:
    (row,) = database.fetch(database.statement("schedule stats", _select_schedules), {})
    paused, next_at = row["paused"], row["next_at"]
    late = 0.0 if next_at is None else max(0.0, (now - next_at) / 1000)
    return ScheduleStats(row["schedules"] - paused, paused, late)


def _select_schedules() -> pw.Select:
    columns = {
        "schedules": pw.fn.COUNT(ScheduleRow.name),
        "paused": pw.fn.COUNT(ScheduleRow.paused_at),
        "next_at": pw.fn.MIN(ScheduleRow.next_at),
    }
    return ScheduleRow.select(*(column.alias(name) for name, column in columns.items()))


def _counts_by_type(database: Database) -> dict[str, Counter[str]]:
    """All counters, and the number of running jobs, by type."""
    counters: dict[str, Counter[str]] = {}
    for row in database.rows(_select_counts(database)):
        counters.setdefault(row["type"], Counter())[row["name"]] += row["value"]
    return counters


def _select_counts(database: Database) -> pw.SelectBase:
    """One query for the counters and the running jobs, so that both are of the same moment."""
    counters = CounterRow.select(CounterRow.type, CounterRow.name, CounterRow.value)
    counters = counters.where(CounterRow.type != "")
    # Not grouped by the database, which would then read all jobs in the order of their types.
    name, value = pw.Value(_RUNNING).alias("name"), pw.Value(1).alias("value")
    running = JobRow.select(JobRow.type, name, value).where(IS_RUNNING)
    return database.engine.by_index(running, JobRow, UNFINISHED).union_all(counters)


def _first_due(database: Database, queues: Sequence[str], now: int) -> dict[str, int]:
    """When the first due job of each type was due. A type that is behind OLDEST_ROWS others
    everywhere is missing."""
    query = database.statement("first due", lambda: _select_first_due(database))
    found: dict[str, int] = {}
    for queue in queues:
        for priority in priorities_above(database, queue, BELOW_ALL_PRIORITIES):
            values = {"queue": queue, "priority": priority, "now": now}
            for row in database.fetch(query, values):
                found[row["type"]] = min(row["run_at"], found.get(row["type"], now))
    return found


def _select_first_due(database: Database) -> pw.Select:
    in_queue = (
        JobRow.queue == parameter(JobRow.queue),
        JobRow.priority == parameter(JobRow.priority),
    )
    due = JobRow.run_at <= parameter(JobRow.run_at, "now")
    first = JobRow.select(JobRow.type, JobRow.run_at).where(IS_QUEUED, *in_queue, due)
    first = database.engine.by_index(
        first.order_by(JobRow.run_at).limit(OLDEST_ROWS), JobRow, UNFINISHED
    )
    some = first.alias("some")
    columns = [some.c.type, pw.fn.MIN(some.c.run_at).alias("run_at")]
    return pw.Select([some], columns).group_by(some.c.type)
