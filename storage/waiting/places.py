"""Concurrency keys: at most `max_per_key` jobs of a key have a place at any time.

A job with a place is queued like any other job, or runs, until it is final; so no other job of the
key needs to know of it. All others are held:

    waits for its time ──due──▶ waits for a place ──release──▶ has a place ──final──▶ gives it up
    (Hold.TIME, Hold.KEY)       (Hold.KEY alone)               (not held)

Places are given under the version lock, to the jobs of a key in the order of their priorities, then
of their times. A job that gets a place goes to the end of its queue, behind jobs of other keys: so
a key with many jobs takes turns with the others.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.records.holds import Hold, Watch
from storage.records.job import Job
from storage.waiting.ended import EndedJob, Reacting
from storage.waiting.held import hold, release
from storage.waiting.waits import SHOWN, Wait

# As literals: a database uses a partial index only if a query repeats its condition.
_UNFINISHED = "concurrency_key IS NOT NULL AND finished_at IS NULL"
HAS_PLACE = pw.SQL(f"{_UNFINISHED} AND holds IS NULL")
WAITS_FOR_PLACE = pw.SQL(f"{_UNFINISHED} AND holds = {Hold.KEY.value}")
WAITS_FOR_TIME = pw.SQL(f"{_UNFINISHED} AND holds >= {Hold.TIME.value}")
CANDIDATES = 10
"""How many waiting jobs of a key are looked at together."""
_KEY = parameter(JobRow.concurrency_key, "key")
_NOW = parameter(JobRow.due_at, "now")


@dataclass
class _Places:
    """The jobs of a key: how many have places, and the first that wait for one, in order."""

    taken: int
    waiting: list[dict[str, Any]]


def hold_for_places(database: Database, rows: Sequence[dict[str, Any]]) -> None:
    """Hold those new jobs, given as their rows, that get no place now; the others take theirs.

    Only inside a transaction. Takes the version lock if a job has a concurrency key.
    """
    keyed = [row for row in rows if "concurrency_key" in row]
    if not keyed:
        return
    database.next_version(0)  # so that nobody else gives the same places
    places = _places(database, {row["concurrency_key"] for row in keyed}, keyed[0]["created_at"])
    for row in keyed:
        row["watched"] = row.get("watched", 0) | Watch.KEYS
        due_at = row["due_at"] if row.get("holds") else row["run_at"]
        of_key = places[row["concurrency_key"]]
        if due_at > row["created_at"]:
            hold(row, Hold.KEY | Hold.TIME)
        elif row.get("holds"):
            hold(row, Hold.KEY)
        elif of_key.waiting or of_key.taken >= row["max_per_key"]:
            hold(row, Hold.KEY)
            of_key.waiting.append(row)
            database.counters.add(row["type"], "waited for a place")
        else:
            of_key.taken += 1


def fill_places(database: Database, keys: Collection[str], now: int) -> list[UUID]:
    """Give the free places of these keys to jobs that wait for them. Returns their ids.

    Only inside a transaction that holds the version lock.
    """
    released: list[UUID] = []
    left = set(keys)
    while left:
        chosen: list[UUID] = []
        places = _places(database, left, now)
        for key, of_key in places.items():
            mine = _first(of_key)
            chosen += mine
            if len(mine) < CANDIDATES:
                left.discard(key)
        released += release(database, chosen, Hold.KEY, now)
    return released


def keys_to_fill(database: Database, keys: Collection[str], now: int) -> list[str]:
    """Return those of the keys that have free places and due jobs that wait for them."""
    places = _places(database, keys, now) if keys else {}
    return [key for key, of_key in places.items() if _first(of_key)]


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


def _first(of_key: _Places) -> list[UUID]:
    """Return the waiting jobs that get the free places of their key, in order."""
    chosen: list[UUID] = []
    for row in of_key.waiting:
        if of_key.taken + len(chosen) >= row["max_per_key"]:
            break
        chosen.append(row["id"])
    return chosen


def _places(database: Database, keys: Collection[str], now: int) -> dict[str, _Places]:
    """Return the jobs of each key, in one round trip."""
    ordered = sorted(keys)
    taken = database.statement("places taken", _count_places)
    waiting = database.statement("waiting for places", _select_waiting)
    values: list[Mapping[str, Any]] = [{"key": key, "now": now} for key in ordered]
    found = database.fetch_each(
        [(statement, each) for each in values for statement in (taken, waiting)]
    )
    return {
        key: _Places(found[2 * n][0]["count"], found[2 * n + 1]) for n, key in enumerate(ordered)
    }


def _count_places() -> Any:
    count = pw.fn.COUNT(pw.SQL("*")).alias("count")
    return JobRow.select(count).where(JobRow.concurrency_key == _KEY, HAS_PLACE)


def _select_waiting() -> Any:
    """Select the first jobs of a key that wait for a place and are due."""
    due = JobRow.concurrency_key == _KEY, WAITS_FOR_PLACE, JobRow.due_at <= _NOW
    order = JobRow.priority.desc(), JobRow.due_at, JobRow.id
    return (
        JobRow.select(JobRow.id, JobRow.max_per_key).where(*due).order_by(*order).limit(CANDIDATES)
    )
