"""Tells what a held job waits for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from storage.db.database import Database
from storage.records.holds import Hold
from storage.records.job import Job

SHOWN = 5
"""How many of the jobs that a job waits for are named."""


@dataclass(frozen=True)
class Wait:
    """One thing that a held job waits for.

    `jobs` are some of the jobs that it waits for, at most SHOWN, and `count` is the number of all.
    """

    hold: Hold
    jobs: Sequence[UUID] = ()
    count: int = 0


WAITS: Mapping[Hold, Callable[[Database, Job], Wait]] = {}
"""For each kind of hold, what tells more of it."""


def waits_of(database: Database, job: Job) -> list[Wait]:
    """Return all that holds a job."""
    held_by = [kind for kind in Hold if (job.holds or 0) & kind]
    return [WAITS[kind](database, job) if kind in WAITS else Wait(kind) for kind in held_by]
