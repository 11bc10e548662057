"""Estimates when a queued job starts, by playing through the jobs that run and those ahead of it.

Each slot becomes free when its job is expected to end. Then it takes the next job ahead. A
queue with a limit has places, which become free in the same way. Jobs of unknown duration hold
their slot for good, so the answer is only unknown if all ways lead through such a job.
"""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.statements import Values
from storage.jobs.open_queues import IS_RUNNING
from storage.liveness.runners import RegisteredRunner
from storage.queries.run_times import MAX_SECONDS, UNKNOWN, RunTimes
from storage.records.json_values import JsonValue

MAX_RUNNING = 10_000
"""Maximum number of running jobs that are considered."""

Kind = tuple[str, bool]
"""The type of a job ahead, and whether it is in the queue of the job that waits."""


@dataclass(frozen=True)
class RunningJob:
    """A running job, with the seconds that it is expected to run on."""

    type: str
    queue: str
    runner: str
    started_at: int
    left: float


def estimate_start(
    database: Database,
    times: RunTimes,
    now: int,
    runners: Sequence[RegisteredRunner],
    limit: tuple[str, int | None],
    ahead: Mapping[Kind, int],
) -> float | None:
    """Return the seconds until a job starts, None if unknown.

    `runners` may start the job. `limit` is its queue, with the maximum number of running jobs
    (None: no limit). `ahead` counts the jobs that go first. `times` learns from the progress of the
    running jobs.
    """
    running = [_running_job(row, times, now) for row in database.rows(_select_running())]
    queue, max_running = limit
    places = None
    if max_running is not None:
        places = places_of(max_running, [job.left for job in running if job.queue == queue])
    slots, prefetched = slots_of(runners, running)
    kinds = chain(prefetched, *([kind] * count for kind, count in ahead.items()))
    jobs = [(times.usual(type), is_own) for type, is_own in kinds]
    seconds = play(slots, jobs, places)
    return seconds if seconds < MAX_SECONDS else None


def play(
    slots: Iterable[float], ahead: Iterable[tuple[float, bool]], places: Sequence[float] | None
) -> float:
    """Return the seconds until the job after all those ahead starts.

    `slots` and `places` are the times at which each becomes free. Each job ahead has its duration,
    and whether it takes a place.
    """
    free, places = list(slots), None if places is None else list(places)
    heapq.heapify(free)
    heapq.heapify(places or [])
    for seconds, takes_place in ahead:
        start = _next_start(free, places if takes_place else None)
        if start == UNKNOWN:
            return UNKNOWN
        heapq.heapreplace(free, start + seconds)
        if takes_place and places:
            heapq.heapreplace(places, start + seconds)
    return _next_start(free, places)


def _next_start(free: Sequence[float], places: Sequence[float] | None) -> float:
    heaps = [free] if places is None else [free, places]
    return max(heap[0] if heap else UNKNOWN for heap in heaps)


def places_of(max_running: int, lefts: Sequence[float]) -> list[float]:
    """Return when each place of a queue becomes free, given how long its running jobs run on.

    If the limit was lowered below the number of running jobs, the first ends free no place.
    """
    too_many = max(0, len(lefts) - max_running)
    return [*sorted(lefts)[too_many:], *[0.0] * (max_running - len(lefts))]


def slots_of(
    runners: Sequence[RegisteredRunner], running: Sequence[RunningJob]
) -> tuple[list[float], list[Kind]]:
    """Return when each slot becomes free, and the prefetched jobs, which go first."""
    held: dict[str, list[RunningJob]] = defaultdict(list)
    for job in sorted(running, key=lambda job: job.started_at):
        held[job.runner].append(job)
    slots: list[float] = []
    prefetched: list[Kind] = []
    for runner in runners:
        mine, count = held[runner.name], runner.slots
        busy = [job.left for job in mine[:count]]
        prefetched += [(job.type, False) for job in mine[count:]]
        slots += [*busy, *[0.0] * (count - len(busy))]
    return slots, prefetched


def _select_running() -> pw.Select:
    columns = (JobRow.id, JobRow.type, JobRow.queue, JobRow.locked_by, JobRow.started_at)
    more = (JobRow.progress, JobRow.cancel_requested_at)
    return JobRow.select(*columns, *more).where(IS_RUNNING).limit(MAX_RUNNING)


def _running_job(row: Values, times: RunTimes, now: int) -> RunningJob:
    elapsed = max(0.0, (now - row["started_at"]) / 1000)
    left = times.left(row["type"], elapsed, _parsed(row["progress"]))
    left = left if row["cancel_requested_at"] is None else 0.0
    names = row["type"], row["queue"], row["locked_by"]
    return RunningJob(*names, row["started_at"], left)


def _parsed(text: str | None) -> JsonValue:
    """Return progress from its JSON text, None if it is none."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None
