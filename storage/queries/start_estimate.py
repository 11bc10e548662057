"""Estimates when a queued job starts, by playing through the jobs that run and those ahead of it.

Each slot becomes free when its job or part is expected to end. Then it takes the next job ahead. A
queue with a limit has places, which become free in the same way. Jobs of unknown duration hold
their slot for good, so the answer is only unknown if all ways lead through such a job.
"""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, PartRow
from storage.jobs.open_queues import IS_RUNNING
from storage.liveness.runners import RegisteredRunner
from storage.queries.run_times import MAX_SECONDS, UNKNOWN, RunTimes
from storage.records.progress import share_done

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
    in_parts: bool
    """Whether it uses no slot itself."""


def estimate_start(
    database: Database,
    times: RunTimes,
    now: int,
    runners: Sequence[RegisteredRunner],
    limit: tuple[str, int | None],
    ahead: Mapping[Kind, int],
) -> float | None:
    """Return the seconds until a job starts, None if unknown.

    `runners` are those that may start it. `limit` is its queue, with the maximum number of its
    running jobs (None: no limit). `ahead` counts the jobs that go first. `times` learns from the
    progress of the running jobs.
    """
    running, parts, waiting_parts = _read_running(database, times, now)
    queue, max_running = limit
    places = None
    if max_running is not None:
        places = places_of(max_running, [job.left for job in running if job.queue == queue])
    slots, prefetched = slots_of(runners, running, parts)
    kinds = chain(prefetched, *([kind] * count for kind, count in ahead.items()))
    jobs = [(times.usual(type), is_own) for type, is_own in kinds]
    seconds = play(slots, _take_turns(waiting_parts, jobs), places)
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
    runners: Sequence[RegisteredRunner],
    running: Sequence[RunningJob],
    parts: Sequence[tuple[str, float]],
) -> tuple[list[float], list[Kind]]:
    """Return when each slot becomes free, and the prefetched jobs, which go first.

    `parts` are the runners of the running parts, and how long each part runs on.
    """
    held: dict[str, list[RunningJob]] = defaultdict(list)
    for job in sorted(running, key=lambda job: job.started_at):
        if not job.in_parts:
            held[job.runner].append(job)
    slots: list[float] = []
    prefetched: list[Kind] = []
    for runner in runners:
        busy = [left for name, left in parts if name == runner.name][: runner.slots]
        first, rest = runner.slots - len(busy), held[runner.name]
        busy += [job.left for job in rest[:first]]
        prefetched += [(job.type, False) for job in rest[first:]]
        slots += [*busy, *[0.0] * (runner.slots - len(busy))]
    return slots, prefetched


def _take_turns(
    parts: Sequence[float], jobs: Sequence[tuple[float, bool]]
) -> Iterator[tuple[float, bool]]:
    """Yield parts and jobs in turns: while both wait, each kind gets half of the slots.

    At the end, one more part may go first.
    """
    first = [(seconds, False) for seconds in parts[: len(jobs) + 1]]
    return (each for pair in zip_longest(first, jobs) for each in pair if each is not None)


def _read_running(
    database: Database, times: RunTimes, now: int
) -> tuple[list[RunningJob], list[tuple[str, float]], list[float]]:
    """Return the running jobs, the running parts with how long each runs on, and how long each
    waiting part runs."""
    rows = database.rows(_select_running())
    running = [_running_job(row, times, now) for row in rows]
    split = {row["id"]: row for row in rows if row["in_parts"]}
    if not split:
        return running, [], []
    columns = (PartRow.job_id, PartRow.runner, PartRow.progress)
    held = database.rows(PartRow.select(*columns).where(PartRow.runner.is_null(False)))
    seconds = _seconds_of_parts(split, held, now)
    parts = [
        (row["runner"], seconds[row["job_id"]] * (1 - share_done(_parsed(row["progress"]))))
        for row in held
        if row["job_id"] in split
    ]
    queued = PartRow.select(PartRow.job_id).where(pw.SQL("status = 'queued'")).limit(MAX_RUNNING)
    waiting = Counter(row["job_id"] for row in database.rows(queued))
    return (
        running,
        parts,
        [each for job_id in split for each in [seconds[job_id]] * waiting[job_id]],
    )


def _select_running() -> Any:
    columns = (JobRow.id, JobRow.type, JobRow.queue, JobRow.locked_by, JobRow.started_at)
    more = (JobRow.progress, JobRow.cancel_requested_at)
    has_parts = pw.fn.EXISTS(PartRow.select(pw.SQL("1")).where(PartRow.job_id == JobRow.id))
    query = JobRow.select(*columns, *more, has_parts.alias("in_parts"))
    return query.where(IS_RUNNING).limit(MAX_RUNNING)


def _running_job(row: Mapping[str, Any], times: RunTimes, now: int) -> RunningJob:
    elapsed = max(0.0, (now - row["started_at"]) / 1000)
    left = times.left(row["type"], elapsed, _parsed(row["progress"]))
    left = left if row["cancel_requested_at"] is None else 0.0
    names = row["type"], row["queue"], row["locked_by"]
    return RunningJob(*names, row["started_at"], left, bool(row["in_parts"]))


def _seconds_of_parts(
    split: Mapping[Any, Mapping[str, Any]], held: Sequence[Mapping[str, Any]], now: int
) -> dict[Any, float]:
    """Return how long a part of each job runs: the time of all its slots until now, divided by the
    parts that were done in it."""
    seconds = {}
    for job_id, row in split.items():
        mine = [_parsed(part["progress"]) for part in held if part["job_id"] == job_id]
        progress = _parsed(row["progress"])
        done = progress.get("parts_done", 0) if isinstance(progress, dict) else 0
        done = sum(map(share_done, mine)) + (done if isinstance(done, int | float) else 0)
        elapsed = max(0.0, (now - row["started_at"]) / 1000)
        seconds[job_id] = elapsed * max(1, len(mine)) / done if done > 0 else UNKNOWN
    return seconds


def _parsed(text: str | None) -> Any:
    """Return progress from its JSON text, None if it is none."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None
