"""How long jobs take: by the progress that they report, or by jobs that have ended lately."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import peewee as pw

from storage.db.database import Database
from storage.db.models import EventRow, JobRow
from storage.records.json_values import JsonValue
from storage.records.progress import steps
from storage.records.states import Status

UNKNOWN = math.inf
"""The seconds that something takes if nothing is known about it."""
RECENT = 100
"""Number of recently finished jobs whose run times are used."""
MAX_EVENTS = 50_000
"""Among how many of the newest changes those jobs are searched."""
MAX_SECONDS = 10 * 366 * 86400.0
"""Longer times count as unknown."""
CLOCK_SECONDS = 5.0
"""A job whose `seconds_done` are so close to its run time counts time itself, like `sleep`."""


class RunTimes:
    """The run times of jobs that have ended lately, in seconds, by type."""

    def __init__(self, recent: Mapping[str, Sequence[float]]):
        self._recent = recent
        self._expected: dict[str, list[float]] = defaultdict(list)
        """The run times of running jobs as their progress lets expect them, by type."""

    def usual(self, type: str) -> float:
        """Return how long jobs of a type usually run: the mean of the ended jobs or, if there are
        none, of the estimates that `left` has made."""
        return _mean(self._recent.get(type) or self._expected[type])

    def left(self, type: str, elapsed: float, progress: JsonValue) -> float:
        """Return how much longer a job is expected to run that has run for `elapsed` seconds.

        Without progress, it is like the jobs of its type that have run for longer than that.
        """
        left = left_by_progress(progress, elapsed)
        if left == UNKNOWN:
            return _mean([each - elapsed for each in self._recent.get(type, ()) if each > elapsed])
        self._expected[type].append(elapsed + left)
        return left


def read_run_times(database: Database) -> RunTimes:
    """Read the run times of the last RECENT jobs that ended, without canceled jobs."""
    recent: dict[str, list[float]] = {}
    select = database.statement(("recent ends", RECENT, MAX_EVENTS), _select_recent)
    for row in database.fetch(select, {}):
        if row["status"] != Status.CANCELED:
            took = max(0, row["finished_at"] - row["started_at"]) / 1000
            recent.setdefault(row["type"], []).append(took)
    return RunTimes(recent)


def _select_recent() -> pw.Select:
    """Select the last RECENT ends of jobs among the newest events."""
    newest = EventRow.alias("newest")
    before = newest.select(pw.fn.MAX(newest.version) - MAX_EVENTS)
    columns = JobRow.type, EventRow.status, EventRow.started_at, EventRow.finished_at
    query = EventRow.select(*columns).join(JobRow, on=(JobRow.id == EventRow.job_id))
    ended = EventRow.finished_at.is_null(False), EventRow.started_at.is_null(False)
    is_new = EventRow.version > before
    return query.where(is_new, *ended).order_by(EventRow.version.desc()).limit(RECENT)


def left_by_progress(progress: JsonValue, elapsed: float) -> float:
    """Return the seconds that a job has left by its progress, such as `{"bytes_done": 10,
    "bytes_total": 50}`: the rest is expected to be as fast as the job was until now."""
    for unit, done, total in steps(progress):
        if unit == "seconds" and abs(elapsed - done) < CLOCK_SECONDS:
            left = max(0.0, total - elapsed)
        elif done > 0:
            left = elapsed * max(0.0, total / done - 1)
        else:
            continue
        return left if left < MAX_SECONDS else UNKNOWN
    return UNKNOWN


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else UNKNOWN
