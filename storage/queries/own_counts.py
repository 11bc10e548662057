"""Counts the unfinished jobs of one caller, by queue, among the newest jobs of the caller.

An index of the unfinished jobs of each caller would count all of them, and make all jobs of a
service with tokens slower.
"""

from dataclasses import dataclass

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.records.states import Status

LOOKED_AT = 20_000
"""How many of the jobs of a caller are looked at, the newest first."""
_UNFINISHED = [Status.QUEUED, Status.RUNNING]


@dataclass(frozen=True)
class OwnCounts:
    """How many jobs of a caller are queued and running in one queue."""

    queued: int = 0
    running: int = 0


def count_own(database: Database, owner: str) -> dict[str, OwnCounts]:
    """Return the numbers of unfinished jobs of a caller, by the names of their queues."""
    query = database.statement("own counts", _select)
    counts: dict[str, dict[str, int]] = {}
    for row in database.fetch(query, {"submitted_by": owner}):
        counts.setdefault(row["queue"], {})[row["status"]] = row["count"]
    return {
        queue: OwnCounts(found.get(Status.QUEUED, 0), found.get(Status.RUNNING, 0))
        for queue, found in counts.items()
    }


def _select() -> pw.Select:
    own = JobRow.submitted_by == parameter(JobRow.submitted_by), JobRow.submitted_by.is_null(False)
    some = JobRow.select(JobRow.queue, JobRow.status).where(*own).order_by(JobRow.id.desc())
    some = some.limit(LOOKED_AT).alias("some")
    count = pw.fn.COUNT(pw.SQL("*")).alias("count")
    columns = some.c.queue, some.c.status
    counted = pw.Select([some], [*columns, count]).where(some.c.status.in_(_UNFINISHED))
    return counted.group_by(*columns)
