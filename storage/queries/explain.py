"""Why a job does not run yet, and when it should start. All that is read is bounded."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import peewee as pw

from storage.claiming.due_jobs import priorities_above
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow
from storage.jobs.open_queues import IS_QUEUED, IS_RUNNING, open_queues
from storage.jobs.queues import Queue, list_queues
from storage.jobs.rows import jobs_by_id
from storage.liveness.runners import RegisteredRunner, living
from storage.records.job import Job
from storage.records.states import Status

AHEAD_LIMIT = 10_000
"""Jobs that are counted ahead of one."""
RECENT = 100
"""Jobs that tell how long jobs take: those that have finished last."""


@dataclass(frozen=True)
class Explanation:
    """A job among the others. `ahead` are the due jobs that go before it, None unless it is due
    itself; with `is_more`, there are more than that. `seconds` is the estimate until it starts,
    None where nothing tells. `runners` are those that take jobs from its queue; `queue` is None
    for a final job whose queue was deleted."""

    job: Job
    now: int
    runners: Sequence[RegisteredRunner]
    queue: Queue | None
    ahead: int | None = None
    is_more: bool = False
    seconds: float | None = None

    @property
    def due(self) -> bool:
        """Whether it is queued, and nothing but other jobs keeps it."""
        return self.job.status is Status.QUEUED and self.job.run_at <= self.now


def explain(database: Database, clock: Clock, folder: Path, job_id: UUID) -> Explanation | None:
    """The situation of a job, None if there is no such job; `folder` has the locks of runners."""
    job = jobs_by_id(database, [job_id]).get(job_id)
    if job is None:
        return None
    now = clock()
    queue = next(iter(list_queues(database, now, job.queue)), None)
    runners = [each for each in living(database, folder) if each.takes(job.queue)]
    is_held = queue is not None and (queue.paused or queue.is_full)
    if job.status is not Status.QUEUED:
        return Explanation(job, now, runners, queue)
    if job.run_at > now:
        later = (job.run_at - now) / 1000 if runners and not is_held else None
        return Explanation(job, now, runners, queue, seconds=later)
    ahead = _ahead(database, job, now)
    count = min(ahead.total(), AHEAD_LIMIT)
    is_more = ahead.total() > AHEAD_LIMIT
    unknown = is_more or is_held
    seconds = None if unknown else _seconds_to_start(database, now, runners, ahead)
    return Explanation(job, now, runners, queue, count, is_more, seconds)


def _ahead(database: Database, job: Job, now: int) -> Counter[str]:
    """The due jobs that are claimed before this one, by type; one more than the limit at most.

    Those of its own queue and of all others that are open, of which no more than have room there.
    """
    counts: Counter[str] = Counter()
    rooms = {queue.name: queue.room_for(AHEAD_LIMIT + 1) for queue in open_queues(database, None)}
    rooms[job.queue] = AHEAD_LIMIT + 1
    for queue, room in rooms.items():
        _count_in(database, counts, queue, min(room, AHEAD_LIMIT + 1 - counts.total()), job, now)
    return counts


def _count_in(
    database: Database, counts: Counter[str], queue: str, most: int, job: Job, now: int
) -> None:
    """Count those of a queue, so many at most."""
    limit = counts.total() + most
    for priority in priorities_above(database, queue, job.priority):
        _count(database, counts, limit, queue, priority, JobRow.run_at <= now)
    _count(database, counts, limit, queue, job.priority, JobRow.run_at < job.run_at)
    same = (JobRow.run_at == job.run_at) & (JobRow.id < job.id)
    _count(database, counts, limit, queue, job.priority, same)


def _count(
    database: Database, counts: Counter[str], most: int, queue: str, priority: int, which: Any
) -> None:
    limit = most - counts.total()
    if limit < 1:
        return
    mine = (JobRow.queue == queue, JobRow.priority == priority)
    some = JobRow.select(JobRow.type).where(IS_QUEUED, *mine, which)
    some = database.by_index(some.limit(limit), JobRow, "job_due").alias("some")
    count = pw.fn.COUNT(pw.SQL("*")).alias("count")
    for row in database.rows(pw.Select([some], [some.c.type, count]).group_by(some.c.type)):
        counts[row["type"]] += row["count"]


def _seconds_to_start(
    database: Database, now: int, runners: Sequence[RegisteredRunner], ahead: Mapping[str, int]
) -> float | None:
    """What is left of the work before it, by how long such work took lately, over all slots."""
    slots = sum(runner.slots for runner in runners)
    if not slots:
        return None
    if not ahead and sum(runner.busy for runner in runners) < slots:
        return 0.0
    usual = _usual_seconds(database)
    if not usual:
        return None
    default = _mean(usual.values())
    waiting: float = sum(count * usual.get(type, default) for type, count in ahead.items())
    running = JobRow.select(JobRow.type, JobRow.started_at).where(IS_RUNNING).limit(AHEAD_LIMIT)
    left = [
        max(0.0, usual.get(row["type"], default) - (now - row["started_at"]) / 1000)
        for row in database.rows(running)
    ]
    return float(waiting + sum(left)) / slots


def _usual_seconds(database: Database) -> dict[str, float]:
    """The mean run time of each type, in seconds, over the jobs that have finished last."""
    query = JobRow.select(JobRow.type, JobRow.started_at, JobRow.finished_at)
    ended = query.where(JobRow.finished_at.is_null(False), JobRow.started_at.is_null(False))
    recent = database.rows(ended.order_by(JobRow.finished_at.desc()).limit(RECENT))
    seconds: dict[str, list[float]] = {}
    for row in recent:
        took = max(0, row["finished_at"] - row["started_at"]) / 1000
        seconds.setdefault(row["type"], []).append(took)
    return {type: _mean(many) for type, many in seconds.items()}


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)
