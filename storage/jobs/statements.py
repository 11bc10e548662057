"""The statements that change jobs and attempts."""

from collections.abc import Iterable

import peewee as pw

from storage.db.database import Database
from storage.db.models import AttemptRow, JobRow, QueueRow, RunnerRow
from storage.db.parameters import PARAMETER_ROWS, key_equals, parameter, unindexed
from storage.db.statements import Row
from storage.db.versions import NEWEST_VERSION
from storage.records.states import Status, Transition


def insert_job(names: Iterable[str]) -> pw.Insert:
    """Build the INSERT of a job with these columns.

    The parameter `version` is an offset, as in `guarded_update`.
    """
    parameters = {name: parameter(getattr(JobRow, name)) for name in names}
    return JobRow.insert(**{**parameters, "version": _version_from_offset()})


def _version_from_offset() -> pw.Expression:
    """Return the version of a change from its offset, see `storage/db/versions.py`."""
    return pw.Expression(NEWEST_VERSION, "-", parameter(JobRow.version))


def guarded_update(transition: Transition, changes: Row) -> pw.Update:
    """Build the UPDATE of a transition, with the guard from its row in the state table.

    The parameter `version` is the offset from the transaction's newest version.
    """
    guard: list[pw.Node] = [key_equals(JobRow.id, "job_id")]
    if transition.fenced:
        guard += [
            JobRow.locked_by == parameter(JobRow.locked_by, "holder"),
            JobRow.attempt == parameter(JobRow.attempt, "held_attempt"),
        ]
    status = unindexed(JobRow.status)
    guard.append(pw.Expression(status, "IN", sorted(transition.sources)))
    if transition.cancel_requested is not None:
        guard.append(JobRow.cancel_requested_at.is_null(not transition.cancel_requested))
    new = {
        name: value if isinstance(value, pw.Node) else parameter(getattr(JobRow, name))
        for name, value in changes.items()
    }
    # Constants are part of the SQL text, since each parameter costs time to bind.
    constants = {"status": transition.target, "version": _version_from_offset()}
    if transition.fenced:
        constants["locked_by"] = None
    return JobRow.update(**{**new, **constants}).where(*guard)


def update_queued(changes: Iterable[str]) -> pw.Update:
    """Build the UPDATE of these columns of a queued job. `version` is an offset, as above.

    A change of `run_at` is an event with a status, as on a retry; any other, one like progress.
    """
    new = {name: parameter(getattr(JobRow, name)) for name in changes}
    event = {"status": Status.QUEUED} if "run_at" in new else {"progress": JobRow.progress}
    is_queued = unindexed(JobRow.status) == Status.QUEUED
    update = JobRow.update(**new, **event, version=_version_from_offset())
    return update.where(key_equals(JobRow.id, "job_id"), is_queued)


def optimistic_claim_guard() -> tuple[pw.Node, ...]:
    """Return the guard of an optimistic claim.

    The row must be unchanged, the runner registered, and the queue neither paused nor limited. Jobs
    of a limited queue are never claimed optimistically, since counting its running jobs requires
    the version lock.
    """
    runner = RunnerRow.name == pw.SQL(f"(SELECT locked_by FROM {PARAMETER_ROWS} LIMIT 1)")
    is_open = QueueRow.paused_at.is_null(), QueueRow.max_running.is_null()
    queues = QueueRow.select(QueueRow.name).join(RunnerRow, on=runner).where(*is_open)
    # As an array, which is built once for all jobs.
    may_claim = JobRow.queue == pw.fn.ANY(pw.fn.ARRAY(queues))
    return JobRow.version == parameter(JobRow.version, "expected_version"), may_claim


def select_job_type() -> pw.Select:
    """Select the type of a job."""
    return JobRow.select(JobRow.type).where(JobRow.id == parameter(JobRow.id))


def restore_queue() -> pw.Insert:
    """Create the queue of a job if it was deleted: claims only look for jobs in existing queues."""
    queue = JobRow.select(JobRow.queue).where(JobRow.id == parameter(JobRow.id))
    return QueueRow.insert_from(queue, [QueueRow.name]).on_conflict_ignore()


def insert_attempt() -> pw.Insert:
    """Build the INSERT of a new attempt, with the parameters of its job's claim."""
    return AttemptRow.insert(
        job_id=parameter(AttemptRow.job_id, "job_id"),
        number=parameter(AttemptRow.number, "attempt"),
        runner=parameter(AttemptRow.runner, "locked_by"),
        started_at=parameter(AttemptRow.started_at),
    )


_END = ("finished_at", "outcome", "error", "cpu_seconds", "peak_memory_bytes", "pid", "traceback")
"""The columns of an attempt that are set at its end."""
_KEY = [AttemptRow.job_id, AttemptRow.number]


def end_attempt() -> pw.Insert:
    """Build the upsert that records the end of an attempt. The first one may have no row yet."""
    names = ("job_id", "number", "runner", "started_at", *_END)
    insert = AttemptRow.insert(**{name: parameter(getattr(AttemptRow, name)) for name in names})
    return insert.on_conflict(conflict_target=_KEY, update=_excluded_end())


def move_first_attempt(database: Database) -> pw.Insert:
    """Build the upsert that gives the first attempt of a job a row, if the row of the job has it.

    To be run before the job is queued again. It waits for a transaction that deletes the job. An
    end that has a row already stays: the job was queued again before, and its end is a later one.
    """
    columns = {
        "job_id": JobRow.id,
        "number": JobRow.attempt,
        "runner": JobRow.first_runner,
        "started_at": JobRow.started_at,
        "finished_at": JobRow.finished_at,
        "outcome": JobRow.first_outcome,
        "error": JobRow.error,
        "cpu_seconds": JobRow.first_cpu_seconds,
        "peak_memory_bytes": JobRow.first_peak_memory_bytes,
        "pid": JobRow.first_pid,
        "traceback": JobRow.first_traceback,
    }
    job = JobRow.select(*columns.values()).where(
        JobRow.id == parameter(JobRow.id),
        JobRow.attempt == 1,
        JobRow.first_outcome.is_null(False),
    )
    insert = AttemptRow.insert_from(
        database.engine.lock(job), [getattr(AttemptRow, name) for name in columns]
    )
    is_open = AttemptRow.outcome.is_null()  # an ended one was moved before
    return insert.on_conflict(conflict_target=_KEY, update=_excluded_end(), where=is_open)


def _excluded_end() -> dict[pw.Field, pw.Node]:
    fields = [getattr(AttemptRow, name) for name in _END]
    return {field: pw.SQL(f'EXCLUDED."{field.column_name}"') for field in fields}
