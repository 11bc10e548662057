"""Reacts to the ends of watched jobs: each entry of the outbox `ended` acts exactly once.

A trigger adds a job to the outbox in the transaction that makes it final, see migration 0034. The
programs take entries out in transactions that also make the changes that follow. So nothing is lost
whichever program dies, and nothing happens twice.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import EndedRow, JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Values
from storage.jobs.transitions import Transitions
from storage.notify.wakeup import LISTENER, WORKER, Wakeup, notifying_transaction
from storage.records.holds import Watch
from storage.records.states import Status

BATCH = 200
"""How many jobs a transaction changes, so that other writers get their turn."""
_MAX_IN = 500


@dataclass(frozen=True)
class EndedJob:
    """A watched job that became final, or that was deleted.

    A deleted job has an entry of its own, besides the one for its end.
    """

    id: UUID
    status: Status
    """Its last status."""
    deleted: bool


@dataclass
class Reacting:
    """A transaction in which programs react to the ends of jobs. It holds the version lock."""

    database: Database
    transitions: Transitions
    now: int
    budget: int
    """How many jobs may still be changed; a reaction subtracts its own changes."""


Reaction = Callable[[Reacting, Sequence[EndedJob]], Collection[UUID]]
"""Reacts to the ends of jobs. Returns the ids of those with which it has not finished, because the
budget is used up: it is called with them again, in another transaction."""
Reactions = Mapping[Watch, Reaction]


def watch(database: Database, ids: Collection[UUID], kind: Watch) -> None:
    """Watch the end of stored jobs, which is not a change of the jobs.

    Only inside a transaction that holds the version lock. A job that is already final does not end
    again.
    """
    watched = pw.fn.COALESCE(JobRow.watched, 0).bin_or(kind.value)
    ordered = sorted(ids)
    for start in range(0, len(ordered), _MAX_IN):
        some = JobRow.id.in_(ordered[start : start + _MAX_IN])
        is_new = pw.fn.COALESCE(JobRow.watched, 0).bin_and(kind.value) == 0
        database.run(JobRow.update(watched=watched).where(some, is_new))


def process_ended(database: Database, wakeup: Wakeup, clock: Clock, reactions: Reactions) -> bool:
    """React to the ends of jobs in the outbox, in one transaction with about BATCH changes.

    Returns whether there may be more entries. Without entries, it only reads.
    """
    known = sum(reactions)
    if not _take(database, 1, known):
        return False
    with notifying_transaction(wakeup, database, WORKER, LISTENER):
        database.next_version(0)  # the lock: from here on, no other program takes the same entries
        reacting = Reacting(database, Transitions(database), clock(), BATCH)
        while reacting.budget > 0:
            entries = _take(database, reacting.budget, known)
            if not entries:
                return False
            reacting.budget -= len(entries)
            _react(reacting, entries, reactions)
    return True


def _react(reacting: Reacting, entries: Sequence[Values], reactions: Reactions) -> None:
    left = {_key(row): row["watched"] for row in entries}
    for deleted in (False, True):  # a job ends before it is deleted
        for kind, reaction in reactions.items():
            mine = [
                EndedJob(row["job_id"], Status(row["status"]), deleted)
                for row in entries
                if bool(row["deleted"]) is deleted and row["watched"] & kind
            ]
            unfinished = set(reaction(reacting, mine)) if mine else set()
            for each in mine:
                if each.id not in unfinished:
                    left[each.id, deleted] &= ~kind
    for row in entries:
        _store(reacting.database, row, left[_key(row)])


def _key(row: Values) -> tuple[UUID, bool]:
    return row["job_id"], bool(row["deleted"])


def _store(database: Database, row: Values, left: int) -> None:
    """Store what has not reacted to an entry yet; an entry to which all have reacted is deleted."""
    values = {"job_id": row["job_id"], "deleted": bool(row["deleted"]), "watched": left}
    if not left:
        statement = database.statement("delete ended", lambda: EndedRow.delete().where(*_is_one()))
        database.change_each_deferred(statement, [values])
    elif left != row["watched"]:
        update = EndedRow.update(watched=parameter(EndedRow.watched))
        statement = database.statement("left of ended", lambda: update.where(*_is_one()))
        database.change_each_deferred(statement, [values])


def _is_one() -> tuple[pw.Node, ...]:
    is_deleted = EndedRow.deleted == parameter(EndedRow.deleted)
    return EndedRow.job_id == parameter(EndedRow.job_id), is_deleted


def _take(database: Database, limit: int, known: int) -> list[Row]:
    """Return entries on which these reactions have not acted, by job, the oldest first."""
    statement = database.statement(("ended", known), lambda: _select(known))
    return database.fetch(statement, {"limit": limit})


def _select(known: int) -> pw.Select:
    is_open = EndedRow.watched.bin_and(known) != 0
    entries = EndedRow.select().where(is_open).order_by(EndedRow.job_id, EndedRow.deleted)
    return entries.limit(parameter(pw.IntegerField(), "limit"))
