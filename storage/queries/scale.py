"""How many slots the jobs of some queues could use now: the signal for autoscaling.

    slots wanted = running jobs + due jobs that may start + due schedules

A due job may start if its queue is not paused and the limit of the queue leaves room. Held jobs,
such as jobs that wait for a place of their concurrency key, are not due.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import peewee as pw

from storage.claiming.candidates import BELOW_ALL_PRIORITIES, priorities_above
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow, ScheduleRow
from storage.db.parameters import parameter
from storage.jobs.open_queues import IS_QUEUED, UNFINISHED
from storage.jobs.queues import Queue, list_queues
from storage.liveness.runners import registered_runners

DUE_LIMIT = 1000
"""Most due jobs of a queue that are counted."""


@dataclass(frozen=True)
class QueueScale:
    """The jobs of a queue, in slots. `due` counts up to DUE_LIMIT jobs."""

    queue: Queue
    due: int

    @property
    def startable(self) -> int:
        """How many of the due jobs may start, however many slots there are."""
        if self.queue.paused:
            return 0
        limit = self.queue.max_running
        return self.due if limit is None else min(self.due, max(0, limit - self.queue.running))

    @property
    def slots_wanted(self) -> int:
        """How many slots its jobs could use now."""
        return self.queue.running + self.startable


@dataclass(frozen=True)
class Scale:
    """How many slots could be used now, and how many there are.

    schedules: number of due schedules. Each needs a worker to fire it.
    slots, busy: numbers of slots of the living workers that serve one of the queues.
    """

    queues: Sequence[QueueScale]
    schedules: int
    slots: int
    busy: int

    @property
    def slots_wanted(self) -> int:
        """The number of slots that could be used now."""
        return sum(each.slots_wanted for each in self.queues) + self.schedules


def read_scale(
    database: Database,
    clock: Clock,
    folder: Path,
    names: Collection[str] | None = None,
    within_ms: int = 0,
) -> Scale:
    """Return how many slots the jobs of these queues could use now; None for all queues.

    `folder` holds the lock files of the runners. Jobs and schedules that become due within
    `within_ms` count as due.
    """
    now = clock()
    until = now + within_ms
    queues = [each for each in list_queues(database, now) if names is None or each.name in names]
    found = [QueueScale(queue, _count_due(database, queue, until)) for queue in queues]
    runners = [
        each
        for each in registered_runners(database, folder)
        if not each.is_stale and (names is None or any(map(each.takes, names)))
    ]
    slots, busy = sum(each.slots for each in runners), sum(each.busy for each in runners)
    return Scale(found, _count_schedules(database, until), slots, busy)


def _count_due(database: Database, queue: Queue, until: int) -> int:
    """Count up to DUE_LIMIT queued jobs of a queue that are due by a time."""
    if not queue.queued:
        return 0
    count, select = 0, database.statement("due jobs", lambda: _select_due(database))
    for priority in priorities_above(database, queue.name, BELOW_ALL_PRIORITIES):
        values = {"queue": queue.name, "priority": priority, "until": until}
        count += database.fetch(select, values)[0]["count"]
        if count >= DUE_LIMIT:
            return DUE_LIMIT
    return count


def _select_due(database: Database) -> pw.Select:
    due = (
        JobRow.queue == parameter(JobRow.queue),
        JobRow.priority == parameter(JobRow.priority),
        JobRow.run_at <= parameter(JobRow.run_at, "until"),
    )
    some = JobRow.select(JobRow.id).where(IS_QUEUED, *due).limit(DUE_LIMIT)
    some = database.engine.by_index(some, JobRow, UNFINISHED).alias("some")
    return pw.Select([some], [pw.fn.COUNT(pw.SQL("*")).alias("count")])


def _count_schedules(database: Database, until: int) -> int:
    """Count the schedules that are due by a time: only a worker fires them."""
    count = ScheduleRow.select(pw.fn.COUNT(ScheduleRow.name).alias("count"))
    is_due = ScheduleRow.next_at.is_null(False) & (ScheduleRow.next_at <= until)
    return int(database.rows(count.where(is_due))[0]["count"])
