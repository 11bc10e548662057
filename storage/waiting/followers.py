"""Jobs that follow others, found by what they were submitted with, whatever has become of them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from graphlib import TopologicalSorter
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import DependencyRow, FollowerRow, JobRow
from storage.db.statements import Row
from storage.jobs.rows import from_json_text, rows_for_ids
from storage.records.json_values import Json
from storage.records.states import Status
from storage.waiting.dependencies import PREDECESSOR_FAILED, predecessors_of
from storage.waiting.inputs import INPUT_DELETED, INPUT_TOO_LARGE

Allowed = Callable[[str | None, str], bool]
"""Tells whether a job may be changed, by the name of its caller and its queue."""
MOST = 10_000
"""How many followers are found at most."""
_BECAUSE = frozenset({PREDECESSOR_FAILED, INPUT_DELETED, INPUT_TOO_LARGE})
"""The types of errors of jobs that were canceled because of a predecessor."""


def followers_of(database: Database, ids: Iterable[UUID]) -> list[UUID]:
    """Return the jobs that have one of these jobs in their `after`, the oldest first."""
    select = partial(FollowerRow.select, FollowerRow.job_id)
    rows = rows_for_ids(database, "followers", select, FollowerRow.predecessor_id, sorted(ids))
    return sorted({row["job_id"] for row in rows})


def canceled_because_of(
    database: Database, ids: Collection[UUID], is_allowed: Allowed = lambda _by, _queue: True
) -> list[UUID]:
    """Return the jobs that were canceled because one of these did not succeed, in order.

    Followers of followers are among them, each after its own predecessors. Jobs that `is_allowed`
    refuses are left out, with their followers. Stops at MOST jobs.
    """

    def canceled(ids: Collection[UUID]) -> list[UUID]:
        followers = followers_of(database, ids)
        rows = rows_for_ids(database, "canceled followers", _select_ends, JobRow.id, followers)
        return sorted(
            row["id"]
            for row in rows
            if _is_because_of_others(row) and is_allowed(row["submitted_by"], row["queue"])
        )

    chosen = _reached(ids, canceled)[:MOST]
    return in_order(chosen, predecessors_of(database, chosen))


def canceled_with(database: Database, job_id: UUID) -> set[UUID]:
    """Return the waiting jobs that a cancel of a job would cancel, too, up to about MOST.

    A cancel reaches the jobs that wait for the success of the job, and from each of them the next.
    """

    def waiting(ids: Collection[UUID]) -> list[UUID]:
        given = DependencyRow.predecessor_id, sorted(ids)
        rows = rows_for_ids(database, "canceled with", _select_canceled_with, *given)
        return [row["job_id"] for row in rows]

    return {*_reached([job_id], waiting)}


def _reached(
    ids: Collection[UUID], followers: Callable[[Collection[UUID]], Iterable[UUID]]
) -> list[UUID]:
    """Return the followers of jobs, their followers and so on, until there are MOST."""
    found: dict[UUID, None] = {}
    newest = ids
    while newest and len(found) < MOST:
        newest = dict.fromkeys(each for each in followers(newest) if each not in found)
        found |= newest
    return [*found]


def in_order(ids: Iterable[UUID], after: Mapping[UUID, Iterable[UUID]]) -> list[UUID]:
    """Return jobs sorted so that each comes after its predecessors, which `after` gives."""
    chosen = dict.fromkeys(ids)
    graph = {job_id: chosen.keys() & after.get(job_id, ()) for job_id in chosen}
    return [*TopologicalSorter(graph).static_order()]


def _select_canceled_with() -> pw.Select:
    return DependencyRow.select(DependencyRow.job_id).where(DependencyRow.cancels == True)  # noqa: E712


def _select_ends() -> pw.Select:
    names = JobRow.status, JobRow.error, JobRow.submitted_by, JobRow.queue
    return JobRow.select(JobRow.id, *names)


def _is_because_of_others(row: Row) -> bool:
    error: Json = from_json_text(row["error"]) or {}
    return row["status"] == Status.CANCELED and error.get("type") in _BECAUSE
