"""Jobs that wait for the ends of others: their predecessors.

A waiting job is held, and has a row of `dependency` for each predecessor that has not ended. The
reaction to an end deletes these rows, and releases the jobs that have none left, or cancels them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import DependencyRow, EndedRow, JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Values
from storage.jobs.rows import predecessor_ids, rows_for_ids, unfinished_among
from storage.jobs.transitions import to_json_text
from storage.records.holds import Hold, Watch
from storage.records.job import Job, NewJob
from storage.records.json_values import Json
from storage.records.states import FINAL, Status
from storage.waiting.ended import EndedJob, Reacting, watch
from storage.waiting.held import held_by, hold, release
from storage.waiting.inputs import pass_on
from storage.waiting.waits import SHOWN, Wait

PREDECESSOR_FAILED = "PredecessorFailed"
"""The type of the error of a job that is canceled because of a predecessor."""
CANCEL = "cancel"
"""The default of `on_failure`: the job is canceled if a predecessor does not succeed."""
_HELD = Hold.PREDECESSORS


def predecessors_text(job: NewJob) -> str:
    """Return what a new job waits for as it is stored."""
    given = {"after": list(map(str, job.after)), "on_failure": job.on_failure or CANCEL}
    if job.input_from:
        given["input"] = str(job.input_from)
    return to_json_text(given)


def predecessors_of(database: Database, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return the jobs in `after` of each job that has some."""
    select = partial(JobRow.select, JobRow.id, JobRow.predecessors)
    rows = rows_for_ids(database, "predecessors", select, JobRow.id, ids)
    return {row["id"]: predecessor_ids(text) for row in rows if (text := row["predecessors"])}


def missing_predecessors(database: Database, jobs: Sequence[NewJob]) -> set[UUID]:
    """Return the predecessors of new jobs that neither exist nor are new jobs before them.

    Takes the version lock if there are any, so that the others stay as they are.
    """
    if not any(job.after for job in jobs):
        return set()
    new: set[UUID] = set()
    ids: set[UUID] = set()
    for job in jobs:
        ids.update(each for each in job.after if each not in new)
        new.add(job.id)
    database.next_version(0)
    return ids - statuses_of(database, ids).keys()


@dataclass(frozen=True)
class Waiting:
    """A job that may have to wait, and the existing jobs that it was submitted to wait for.

    cancels: whether it is canceled if one of them does not succeed.
    source: the one whose result is still to become its input.
    """

    job_id: UUID
    after: Sequence[UUID]
    cancels: bool
    source: UUID | None

    def left(self, statuses: Mapping[UUID, Status]) -> list[UUID]:
        """Return the predecessors that are still to act on the job, by their statuses."""
        return [
            each
            for each in self.after
            if each == self.source or _counts(statuses[each], self.cancels)
        ]


def let_wait(database: Database, new: Sequence[tuple[NewJob, Row]]) -> bool:
    """Hold new jobs, given with their rows, whose predecessors have not all ended.

    Returns as `wait_for` does. Only inside a transaction that holds the version lock.
    """
    after = [(job, row) for job, row in new if job.after]
    if not after:
        return False
    rows = {job.id: row for job, row in new}
    among = {job_id for job, _ in after for job_id in job.after}
    found = statuses_of(database, among - rows.keys())
    new_ones = among & rows.keys()
    for job_id in new_ones:
        rows[job_id]["watched"] = rows[job_id].get("watched", 0) | Watch.DEPENDENCIES
    statuses = found | dict.fromkeys(new_ones, Status.QUEUED)
    waiting = []
    for job, row in after:
        each = Waiting(job.id, job.after, job.on_failure != "run", job.input_from)
        if each.left(statuses):
            hold(row, _HELD)
        waiting.append(each)
    return wait_for(database, waiting, statuses, new_ones)


def wait_for(
    database: Database,
    waiting: Sequence[Waiting],
    statuses: Mapping[UUID, Status],
    watched: Collection[UUID] = (),
) -> bool:
    """Store what held jobs wait for. `statuses` has the statuses of all their predecessors, the
    ends of some of which are `watched` already.

    Returns whether a predecessor has ended already and is to act on them, because it has failed or
    passes its result on: the caller then reacts to the outbox `ended`. Only inside a transaction
    that holds the version lock.
    """
    found: list[Row] = [
        {
            "predecessor_id": each,
            "job_id": job.job_id,
            "cancels": job.cancels,
            "passes": each == job.source,
        }
        for job in waiting
        for each in job.left(statuses)
    ]
    if found:
        add = database.statement("add dependency", _insert)
        database.change_each_deferred(add, found)
    ids = {each["predecessor_id"] for each in found}
    unwatched = {each for each in ids if statuses[each] not in FINAL and each not in watched}
    watch(database, unwatched, Watch.DEPENDENCIES)
    before = {each: statuses[each] for each in ids if statuses[each] in FINAL}
    _note_ended(database, before)
    return bool(before)


def react(reacting: Reacting, ended: Sequence[EndedJob]) -> set[UUID]:
    """Release or cancel the jobs that wait for ended ones, as many as the budget allows."""
    statuses = {each.id: each.status for each in ended if not each.deleted}
    database, limit = reacting.database, max(0, reacting.budget)
    for job_id, status in statuses_of(database, statuses).items():
        if status not in FINAL:  # a client has retried it since: it will end again
            del statuses[job_id]
    if not statuses:
        return set()
    pairs = _waiting(database, sorted(statuses), limit + 1)
    unfinished: set[UUID] = set()
    if len(pairs) > limit:
        first_left = pairs[limit]["predecessor_id"]
        unfinished = {each for each in statuses if each >= first_left}
        pairs = pairs[:limit]
    reacting.budget -= len(pairs)
    _delete(database, pairs)
    failed = {
        pair["job_id"]: _error(pair["predecessor_id"], statuses)
        for pair in pairs
        if pair["cancels"] and statuses[pair["predecessor_id"]] is not Status.SUCCEEDED
    }
    passing = {pair["job_id"]: pair["predecessor_id"] for pair in pairs if pair["passes"]}
    waiting = held_by(database, [each for each in passing if each not in failed], _HELD)
    failed |= pass_on(database, {each: passing[each] for each in waiting})
    _cancel(reacting, failed)
    free = [each for each in dict.fromkeys(pair["job_id"] for pair in pairs) if each not in failed]
    still = _still_waiting(database, free)
    release(database, [each for each in free if each not in still], _HELD, reacting.now)
    return unfinished


def forget_predecessors(database: Database, ids: Sequence[UUID]) -> None:
    """Delete what jobs wait for. Only inside a transaction."""
    delete = database.statement("delete predecessors", _delete_all)
    for job_id in ids:
        database.change_each_deferred(delete, [{"job_id": job_id}])


def wait_for_predecessors(database: Database, job: Job) -> Wait:
    """Return which predecessors a held job waits for."""
    unfinished = unfinished_among(database, job.after)
    jobs = [each for each in job.after if each in unfinished]
    return Wait(_HELD, jobs[:SHOWN], len(jobs))


def _counts(status: Status, cancels: bool) -> bool:
    """Return whether a job has to wait for a predecessor, or to be canceled because of it."""
    return status not in FINAL or (cancels and status is not Status.SUCCEEDED)


def statuses_of(database: Database, ids: Iterable[UUID]) -> dict[UUID, Status]:
    """Return the statuses of those jobs that exist."""
    select = partial(JobRow.select, JobRow.id, JobRow.status)
    rows = rows_for_ids(database, "statuses", select, JobRow.id, sorted(ids))
    return {row["id"]: Status(row["status"]) for row in rows}


def _note_ended(database: Database, failed: Mapping[UUID, Status]) -> None:
    """Put jobs that had ended before into the outbox, for the jobs that now wait for them."""
    for job_id, status in failed.items():
        row = {"job_id": job_id, "deleted": False, "status": status, "watched": 0}
        key = [EndedRow.job_id, EndedRow.deleted]
        database.run(EndedRow.insert(row).on_conflict(conflict_target=key, action="IGNORE"))
        one = EndedRow.job_id == job_id, EndedRow.deleted == False  # noqa: E712
        watched = EndedRow.watched.bin_or(Watch.DEPENDENCIES.value)
        database.run(EndedRow.update(watched=watched).where(*one))


def _waiting(database: Database, ids: list[UUID], limit: int) -> list[Row]:
    """Return the first pairs of these predecessors and the jobs that wait for them, in order."""
    name = f"first {limit} waiting jobs"
    select = partial(_select_waiting, limit)
    return rows_for_ids(database, name, select, DependencyRow.predecessor_id, ids)[:limit]


def _select_waiting(limit: int) -> pw.Select:
    ordered = DependencyRow.select().order_by(DependencyRow.predecessor_id, DependencyRow.job_id)
    return ordered.limit(limit)


def _delete(database: Database, pairs: Sequence[Values]) -> None:
    """Delete the first pairs of each predecessor, which are given in order."""
    last = {pair["predecessor_id"]: pair["job_id"] for pair in pairs}
    statement = database.statement("delete dependencies", _delete_up_to)
    for predecessor_id, job_id in last.items():
        values = {"predecessor_id": predecessor_id, "job_id": job_id}
        database.change_each_deferred(statement, [values])


def _cancel(reacting: Reacting, failed: Mapping[UUID, Json]) -> None:
    """Cancel those jobs that still wait; each is given with the reason."""
    database, ids = reacting.database, held_by(reacting.database, list(failed), _HELD)
    select = partial(JobRow.select, JobRow.id, JobRow.type)
    rows = rows_for_ids(database, "types", select, JobRow.id, ids)
    types = {row["id"]: row["type"] for row in rows}
    jobs = [(job_id, types[job_id], failed[job_id]) for job_id in ids]
    reacting.transitions.cancel_each(jobs, reacting.now)
    forget_predecessors(database, ids)


def _error(predecessor: UUID, statuses: Mapping[UUID, Status]) -> dict[str, str]:
    verb = "was canceled" if statuses[predecessor] is Status.CANCELED else "failed"
    message = f"the job {predecessor} {verb}, and this one waited for its success"
    return {"type": PREDECESSOR_FAILED, "message": message}


def _still_waiting(database: Database, ids: Sequence[UUID]) -> set[UUID]:
    """Return which of the jobs have a predecessor left."""
    rows = rows_for_ids(database, "still waiting", _select_ids, DependencyRow.job_id, ids)
    return {row["job_id"] for row in rows}


def _select_ids() -> pw.Select:
    return DependencyRow.select(DependencyRow.job_id).distinct()


def _insert() -> pw.Insert:
    fields = DependencyRow._meta.sorted_fields
    return DependencyRow.insert(**{field.name: parameter(field) for field in fields})


def _delete_up_to() -> pw.Delete:
    return DependencyRow.delete().where(
        DependencyRow.predecessor_id == parameter(DependencyRow.predecessor_id),
        DependencyRow.job_id <= parameter(DependencyRow.job_id),
    )


def _delete_all() -> pw.Delete:
    return DependencyRow.delete().where(DependencyRow.job_id == parameter(DependencyRow.job_id))
