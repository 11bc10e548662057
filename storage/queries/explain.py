"""Explains why a job has not started yet, and estimates when it starts and ends.

Every query is bounded.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import peewee as pw

from storage.claiming.candidates import priorities_above
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow
from storage.jobs.open_queues import IS_QUEUED, UNFINISHED, open_queues
from storage.jobs.queues import Queue, list_queues
from storage.jobs.rows import jobs_by_id
from storage.liveness.runners import RegisteredRunner, registered_runners
from storage.queries.run_times import MAX_SECONDS, UNKNOWN, RunTimes, read_run_times
from storage.queries.start_estimate import Kind, estimate_start
from storage.records.holds import Hold
from storage.records.job import Job
from storage.records.states import Status
from storage.waiting.batch_ends import wait_for_batch
from storage.waiting.dependencies import wait_for_predecessors
from storage.waiting.places import wait_for_place
from storage.waiting.waits import Wait

AHEAD_LIMIT = 10_000
"""Maximum number of jobs that are counted ahead of a job."""

_WAITS: Mapping[Hold, Callable[[Database, Job], Wait]] = {
    Hold.PREDECESSORS: wait_for_predecessors,
    Hold.KEY: wait_for_place,
    Hold.BATCH: wait_for_batch,
}
"""For each kind of hold, what tells more of it."""


@dataclass(frozen=True)
class Explanation:
    """The situation of a job.

    `ahead` is the number of due jobs that are claimed before this one, or None unless this one is
    due and its queue is there. If `is_more` is set, there are more than that. `seconds` is the
    estimated time until the start, or None if there is no basis for an estimate. `duration` is the
    estimated time of an attempt in seconds, or None. `left` is the estimated time that a running
    job has left, or None. `registered` are the runners that take jobs from the queue of this job
    and allow its own limits; `refusing` are the runners that do not allow them. `queue` is None if
    the queue was deleted. `waits` is what holds the job.
    """

    job: Job
    now: int
    registered: Sequence[RegisteredRunner]
    queue: Queue | None
    ahead: int | None = None
    is_more: bool = False
    seconds: float | None = None
    duration: float | None = None
    waits: Sequence[Wait] = ()
    left: float | None = None
    refusing: Sequence[RegisteredRunner] = ()

    @property
    def seconds_to_end(self) -> float | None:
        """The estimated seconds until the end of the attempt; None without an estimate."""
        if self.job.status is Status.RUNNING:
            return self.left
        if self.seconds is None or self.duration is None:
            return None
        return self.seconds + self.duration

    @property
    def earliest_start(self) -> int:
        """When a queued job starts, in milliseconds; without an estimate, at the earliest."""
        if self.seconds is None:
            return max(self.now, self.job.run_at)
        return self.now + round(self.seconds * 1000)

    @property
    def earliest_end(self) -> int:
        """When the attempt ends at the earliest, in milliseconds, as far as is known."""
        if self.job.status is Status.RUNNING:
            return self.now + round((self.left or 0.0) * 1000)
        return self.earliest_start + round((self.duration or 0.0) * 1000)

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
        """Whether the job is queued, nothing holds it, and its `run_at` has passed."""
        is_free = self.job.status is Status.QUEUED and not self.job.held
        return is_free and self.job.run_at <= self.now


def explain(database: Database, clock: Clock, folder: Path, job_id: UUID) -> Explanation | None:
    """Return the situation of a job, or None if there is no such job. `folder` holds the lock files
    of the runners."""
    job = jobs_by_id(database, [job_id]).get(job_id)
    return None if job is None else explain_job(database, clock, folder, job)


def explain_job(database: Database, clock: Clock, folder: Path, job: Job) -> Explanation:
    """Return the situation of a job, which need not be stored."""
    runners = [each for each in registered_runners(database, folder) if each.takes(job.queue)]
    if job.status is Status.RUNNING:
        return _explain(database, clock, runners, job)
    refusing = [] if job.final else [each for each in runners if not each.may_run(job)]
    able = [each for each in runners if each not in refusing]
    return replace(_explain(database, clock, able, job), refusing=refusing)


def _explain(
    database: Database, clock: Clock, registered: Sequence[RegisteredRunner], job: Job
) -> Explanation:
    now = clock()
    queue = next(iter(list_queues(database, now, job.queue)), None)
    if job.final:
        return Explanation(job, now, registered, queue)
    if job.status is Status.RUNNING:
        return Explanation(job, now, registered, queue, left=_left(database, job, now))
    if job.held:
        duration = _duration(read_run_times(database), job)
        waits = waits_of(database, job)
        return Explanation(job, now, registered, queue, duration=duration, waits=waits)
    if queue is None:
        return Explanation(job, now, registered, None)
    due_at = max(job.run_at, now)
    ahead = _ahead(database, job, due_at, registered)
    is_more = ahead.total() > AHEAD_LIMIT
    explanation = Explanation(job, now, registered, queue, is_more=is_more)
    times = read_run_times(database)
    if not is_more and explanation.runners and not queue.paused:
        limit = queue.name, queue.max_running
        seconds = estimate_start(database, times, now, explanation.runners, limit, ahead)
        if seconds is not None:
            explanation = replace(explanation, seconds=max(seconds, (due_at - now) / 1000))
    explanation = replace(explanation, duration=_duration(times, job))
    if not explanation.due:
        return replace(explanation, is_more=False)
    return replace(explanation, ahead=min(ahead.total(), AHEAD_LIMIT))


def _left(database: Database, job: Job, now: int) -> float | None:
    """Return how many seconds a running job is expected to run on; None if nothing is known."""
    elapsed = max(0, now - (job.started_at or now)) / 1000
    left = read_run_times(database).left(job.type, elapsed, job.progress)
    return min(left, max(0.0, (job.timeout or UNKNOWN) - elapsed)) if left < MAX_SECONDS else None


def _duration(times: RunTimes, job: Job) -> float | None:
    """Return how many seconds an attempt is expected to run; None if nothing is known."""
    usual = times.usual(job.type)
    return min(usual, job.timeout or UNKNOWN) if usual < MAX_SECONDS else None


def _ahead(
    database: Database, job: Job, due_at: int, runners: Sequence[RegisteredRunner]
) -> Counter[Kind]:
    """Count the jobs that are due at a time and claimed before this one, up to AHEAD_LIMIT + 1.

    Counts jobs of its own queue, and jobs of all other open queues up to their free places. Queues
    that none of the `runners` takes do not count.
    """
    counts: Counter[Kind] = Counter()
    limits = {
        each.name: each.room_for(AHEAD_LIMIT + 1)
        for each in open_queues(database, None)
        if not runners or any(runner.takes(each.name) for runner in runners)
    }
    limits[job.queue] = AHEAD_LIMIT + 1
    for queue, limit in limits.items():
        most = min(limit, AHEAD_LIMIT + 1 - counts.total())
        types = _count_in_queue(database, queue, most, job, due_at)
        counts += Counter({(type, queue == job.queue): n for type, n in types.items()})
    return counts


def _count_in_queue(
    database: Database, queue: str, most: int, job: Job, due_at: int
) -> Counter[str]:
    """Count up to `most` jobs of one queue, by type."""
    counts: Counter[str] = Counter()
    for priority in priorities_above(database, queue, job.priority):
        _count(database, counts, most, queue, priority, JobRow.run_at <= due_at)
    _count(database, counts, most, queue, job.priority, JobRow.run_at < job.run_at)
    tied = (JobRow.run_at == job.run_at) & (JobRow.id < job.id)
    _count(database, counts, most, queue, job.priority, tied)
    return counts


def _count(
    database: Database,
    counts: Counter[str],
    most: int,
    queue: str,
    priority: int,
    condition: pw.Node,
) -> None:
    limit = most - counts.total()
    if limit < 1:
        return
    in_queue = (JobRow.queue == queue, JobRow.priority == priority)
    some = JobRow.select(JobRow.type).where(IS_QUEUED, *in_queue, condition)
    some = database.engine.by_index(some.limit(limit), JobRow, UNFINISHED).alias("some")
    count = pw.fn.COUNT(pw.SQL("*")).alias("count")
    for row in database.rows(pw.Select([some], [some.c.type, count]).group_by(some.c.type)):
        counts[row["type"]] += row["count"]


def waits_of(database: Database, job: Job) -> list[Wait]:
    """Return all that holds a job."""
    held_by = [kind for kind in Hold if (job.holds or 0) & kind]
    return [_WAITS[kind](database, job) if kind in _WAITS else Wait(kind) for kind in held_by]
