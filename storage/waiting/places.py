"""Concurrency keys: at most `max_per_key` jobs of a key have a place at any time.

A job with a place is queued like any other job, or runs, until it is final; so no other job of the
key needs to know of it. All others are held:

    waits for its time ──due──▶ waits for a place ──release──▶ has a place ──final──▶ gives it up
    (Hold.TIME, Hold.KEY)       (Hold.KEY alone)               (not held)

Places are given under the version lock, to the jobs of a key in the order of their priorities, then
of their times. A job that gets a place goes to the end of its queue, behind jobs of other keys. The
next job of the key gets one when that job has started. So a key with many jobs takes turns with the
others, and never has more than one job in front of theirs, however many of its jobs may run.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Values
from storage.records.holds import Hold, Watch
from storage.records.job import Job
from storage.records.states import Status
from storage.waiting.ended import EndedJob, Reacting
from storage.waiting.held import hold, release
from storage.waiting.waits import SHOWN, Wait

# As literals: a database uses a partial index only if a query repeats its condition.
_UNFINISHED = "concurrency_key IS NOT NULL AND finished_at IS NULL"
HAS_PLACE = pw.SQL(f"{_UNFINISHED} AND holds IS NULL")
WAITS_FOR_PLACE = pw.SQL(f"{_UNFINISHED} AND holds = {Hold.KEY.value}")
WAITS_FOR_TIME = pw.SQL(f"{_UNFINISHED} AND holds >= {Hold.TIME.value}")
PATIENCE_MS = 10_000
"""How long the next job of a key waits for one that has a place to start, in milliseconds.

The queue of that job may be paused, or have no worker."""
_KEY = parameter(JobRow.concurrency_key, "key")
_NOW = parameter(JobRow.due_at, "now")
_RECENTLY = parameter(JobRow.run_at, "recently")


@dataclass
class _Places:
    """The jobs of a key: how many have places, whether one of these is about to start, and the
    first job that waits for a place."""

    taken: int
    is_starting: bool
    waiting: list[Row]

    def has_place_for(self, job: Values) -> bool:
        """Return whether a job, given as its row, may have a place now."""
        return not self.is_starting and self.taken < job["max_per_key"]


def hold_for_places(database: Database, rows: Sequence[Row]) -> None:
    """Hold those new jobs, given as their rows, that get no place now; the others take theirs.

    Only inside a transaction. Takes the version lock if a job has a concurrency key.
    """
    keyed = [row for row in rows if "concurrency_key" in row]
    if not keyed:
        return
    database.next_version(0)  # so that no other program gives the same places
    places = _places(database, {row["concurrency_key"] for row in keyed}, keyed[0]["created_at"])
    for row in keyed:
        row["watched"] = row.get("watched", 0) | Watch.KEYS
        due_at = row["due_at"] if row.get("holds") else row["run_at"]
        of_key = places[row["concurrency_key"]]
        if due_at > row["created_at"]:
            hold(row, Hold.KEY | Hold.TIME)
        elif row.get("holds"):
            hold(row, Hold.KEY)
        elif of_key.waiting or not of_key.has_place_for(row):
            hold(row, Hold.KEY)
            of_key.waiting.append(row)
            database.counters.add(row["type"], "waited for a place")
        else:
            of_key.taken, of_key.is_starting = of_key.taken + 1, True


def fill_places(database: Database, keys: Collection[str], now: int) -> list[UUID]:
    """Give a free place of each of these keys to the first job that waits for it; return the ids.

    Only inside a transaction that holds the version lock. The next free place of a key is given
    after that job has started.
    """
    return release(database, list(_next_jobs(database, keys, now).values()), Hold.KEY, now)


def keys_to_fill(database: Database, keys: Collection[str], now: int) -> list[str]:
    """Return the keys for which `fill_places` would give a place."""
    return list(_next_jobs(database, keys, now))


def react_to_free_places(reacting: Reacting, ended: Sequence[EndedJob]) -> Collection[UUID]:
    """Give the places of ended jobs to others with their keys, see `storage.waiting.ended`.

    Jobs that begin to wait for places are among the jobs, too. An ended job frees one place, so
    there are hardly more changes than jobs.
    """
    database = reacting.database
    ids = [job.id for job in ended if not job.deleted]
    query = JobRow.select(JobRow.concurrency_key).where(JobRow.id.in_(ids))
    rows = database.rows(query) if ids else []
    keys = {row["concurrency_key"] for row in rows if row["concurrency_key"] is not None}
    reacting.budget -= len(fill_places(database, keys, reacting.now))
    return ()


def wait_for_place(database: Database, job: Job) -> Wait:
    """Return the jobs that have the places for which a job waits."""
    having = JobRow.select(JobRow.id).where(
        JobRow.concurrency_key == job.concurrency_key, HAS_PLACE
    )
    found = [row["id"] for row in database.rows(having)]
    return Wait(Hold.KEY, sorted(found)[:SHOWN], len(found))


def _next_jobs(database: Database, keys: Collection[str], now: int) -> dict[str, UUID]:
    """Return the job that gets a place now by its key. Keys without such a job are left out."""
    places = _places(database, keys, now) if keys else {}
    return {
        key: each.waiting[0]["id"]
        for key, each in places.items()
        if each.waiting and each.has_place_for(each.waiting[0])
    }


def _places(database: Database, keys: Collection[str], now: int) -> dict[str, _Places]:
    """Return the jobs of each key, in one round trip."""
    ordered = sorted(keys)
    taken = database.statement("places taken", _count_places)
    waiting = database.statement("waiting for places", _select_waiting)
    times = {"now": now, "recently": now - PATIENCE_MS}
    values: list[Values] = [{"key": key, **times} for key in ordered]
    found = database.fetch_each(
        [(statement, each) for each in values for statement in (taken, waiting)]
    )
    taken_rows, waiting_rows = [rows[0] for rows in found[::2]], found[1::2]
    return {
        key: _Places(row["count"], bool(row["starting"]), waiting_row)
        for key, row, waiting_row in zip(ordered, taken_rows, waiting_rows, strict=True)
    }


def _count_places() -> pw.Select:
    """Count the jobs of a key that have places, and how many of them a worker is about to start."""
    count = pw.fn.COUNT(pw.SQL("*")).alias("count")
    is_due = (JobRow.run_at <= _NOW) & (JobRow.run_at > _RECENTLY)
    is_starting = (JobRow.status == Status.QUEUED) & is_due
    starting = pw.fn.SUM(pw.Case(None, [(is_starting, 1)], 0)).alias("starting")
    return JobRow.select(count, starting).where(JobRow.concurrency_key == _KEY, HAS_PLACE)


def _select_waiting() -> pw.Select:
    """Select the first job of a key that waits for a place and is due."""
    due = JobRow.concurrency_key == _KEY, WAITS_FOR_PLACE, JobRow.due_at <= _NOW
    order = JobRow.priority.desc(), JobRow.due_at, JobRow.id
    return JobRow.select(JobRow.id, JobRow.max_per_key).where(*due).order_by(*order).limit(1)
