"""Explains why a job has not started yet, and estimates when it will. Every query is bounded."""

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
from storage.liveness.runners import RegisteredRunner, registered_runners
from storage.records.job import Job
from storage.records.states import Status

AHEAD_LIMIT = 10_000
"""Maximum number of jobs that are counted ahead of a job."""
RECENT = 100
"""Number of recently finished jobs whose run times are used for the estimate."""


@dataclass(frozen=True)
class Explanation:
    """The situation of a job.

    `ahead` is the number of due jobs that are claimed before this one, or None unless this one is
    due. If `is_more` is set, there are more than that. `seconds` is the estimated time until the
    start, or None if there is no basis for an estimate. `registered` are the runners that take
    jobs from the queue of this job. `queue` is None for a final job whose queue was deleted.
    """

    job: Job
    now: int
    registered: Sequence[RegisteredRunner]
    queue: Queue | None
    ahead: int | None = None
    is_more: bool = False
    seconds: float | None = None

    @property
    def runners(self) -> list[RegisteredRunner]:
        """The runners that can start the job."""
        return [runner for runner in self.registered if not runner.is_stale]

    @property
    def stale_runners(self) -> list[RegisteredRunner]:
        """The runners that hang or are stopped."""
        return [runner for runner in self.registered if runner.is_stale]

    @property
    def due(self) -> bool:
        """Whether the job is queued and its `run_at` has passed."""
        return self.job.status is Status.QUEUED and self.job.run_at <= self.now


def explain(database: Database, clock: Clock, folder: Path, job_id: UUID) -> Explanation | None:
    """Return the situation of a job, or None if there is no such job. `folder` holds the lock files
    of the runners."""
    job = jobs_by_id(database, [job_id]).get(job_id)
    if job is None:
        return None
    now = clock()
    queue = next(iter(list_queues(database, now, job.queue)), None)
    registered = [each for each in registered_runners(database, folder) if each.takes(job.queue)]
    runners = [each for each in registered if not each.is_stale]
    is_held = queue is not None and (queue.paused or queue.is_full)
    if job.status is not Status.QUEUED:
        return Explanation(job, now, registered, queue)
    if job.run_at > now:
        delay = (job.run_at - now) / 1000 if runners and not is_held else None
        return Explanation(job, now, registered, queue, seconds=delay)
    ahead = _ahead(database, job, now)
    count = min(ahead.total(), AHEAD_LIMIT)
    is_more = ahead.total() > AHEAD_LIMIT
    unknown = is_more or is_held
    seconds = None if unknown else _seconds_to_start(database, now, runners, ahead)
    return Explanation(job, now, registered, queue, count, is_more, seconds)


def _ahead(database: Database, job: Job, now: int) -> Counter[str]:
    """Count the due jobs that are claimed before this one, by type, up to AHEAD_LIMIT + 1.

    Counts jobs of its own queue, and jobs of all other open queues up to their free places.
    """
    counts: Counter[str] = Counter()
    limits = {each.name: each.room_for(AHEAD_LIMIT + 1) for each in open_queues(database, None)}
    limits[job.queue] = AHEAD_LIMIT + 1
    for queue, limit in limits.items():
        most = min(limit, AHEAD_LIMIT + 1 - counts.total())
        _count_in_queue(database, counts, queue, most, job, now)
    return counts


def _count_in_queue(
    database: Database, counts: Counter[str], queue: str, most: int, job: Job, now: int
) -> None:
    """Add the jobs of one queue to `counts`, up to `most`."""
    limit = counts.total() + most
    for priority in priorities_above(database, queue, job.priority):
        _count(database, counts, limit, queue, priority, JobRow.run_at <= now)
    _count(database, counts, limit, queue, job.priority, JobRow.run_at < job.run_at)
    tied = (JobRow.run_at == job.run_at) & (JobRow.id < job.id)
    _count(database, counts, limit, queue, job.priority, tied)


def _count(
    database: Database, counts: Counter[str], most: int, queue: str, priority: int, condition: Any
) -> None:
    limit = most - counts.total()
    if limit < 1:
        return
    in_queue = (JobRow.queue == queue, JobRow.priority == priority)
    some = JobRow.select(JobRow.type).where(IS_QUEUED, *in_queue, condition)
    some = database.by_index(some.limit(limit), JobRow, "job_due").alias("some")
    count = pw.fn.COUNT(pw.SQL("*")).alias("count")
    for row in database.rows(pw.Select([some], [some.c.type, count]).group_by(some.c.type)):
        counts[row["type"]] += row["count"]


def _seconds_to_start(
    database: Database, now: int, runners: Sequence[RegisteredRunner], ahead: Mapping[str, int]
) -> float | None:
    """Estimate the seconds until a job starts: the remaining work ahead of it, divided by all
    slots. The run time of a job is the recent mean of its type. Returns None without slots or run
    times."""
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
    """Mean run time of each type, in seconds, over the most recently finished jobs."""
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
