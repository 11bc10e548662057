"""Tells what holds a job: the one list of all holders."""

from collections.abc import Callable, Mapping

from storage.db.database import Database
from storage.records.holds import Hold
from storage.records.job import Job
from storage.waiting.batches import wait_for_batch
from storage.waiting.dependencies import wait_for_predecessors
from storage.waiting.places import wait_for_place
from storage.waiting.waits import Wait

WAITS: Mapping[Hold, Callable[[Database, Job], Wait]] = {
    Hold.PREDECESSORS: wait_for_predecessors,
    Hold.KEY: wait_for_place,
    Hold.BATCH: wait_for_batch,
}
"""For each kind of hold, what tells more of it."""


def waits_of(database: Database, job: Job) -> list[Wait]:
    """Return all that holds a job."""
    held_by = [kind for kind in Hold if (job.holds or 0) & kind]
    return [WAITS[kind](database, job) if kind in WAITS else Wait(kind) for kind in held_by]
