"""The statements by which jobs and their attempts change."""

from collections.abc import Iterable
from typing import Any

import peewee as pw

from storage.db.models import AttemptRow, JobRow, QueueRow, RunnerRow
from storage.db.parameters import GIVEN, key_equals, parameter, unindexed
from storage.db.versions import NEWEST
from storage.records.states import Transition


def insert_job(names: Iterable[str]) -> Any:
    """A new job, of which values of these names are given; its version as with `guarded`."""
    places = {name: parameter(getattr(JobRow, name)) for name in names}
    return JobRow.insert(**{**places, "version": _numbered()})


def _numbered() -> Any:
    """The number of a change, by how far it is behind the newest: see `storage/db/versions.py`."""
    return pw.Expression(NEWEST, "-", parameter(JobRow.version))


def guarded(transition: Transition, changes: dict[str, Any]) -> Any:
    """The statement of a transition, with its guard. Of its version it is given how far that is
    behind the newest number."""
    guard: list[Any] = [key_equals(JobRow.id, "the job")]
    if transition.fenced:
        guard += [
            JobRow.locked_by == parameter(JobRow.locked_by, "holder"),
            JobRow.attempt == parameter(JobRow.attempt, "held attempt"),
        ]
    status = unindexed(JobRow.status)
    guard.append(pw.Expression(status, "IN", sorted(transition.sources)))
    if transition.cancel_requested is not None:
        guard.append(JobRow.cancel_requested_at.is_null(not transition.cancel_requested))
    new = {
        name: value if isinstance(value, pw.Node) else parameter(getattr(JobRow, name))
        for name, value in changes.items()
    }
    # What is the same for all belongs to the text: each value that is given has to be read again.
    same = {"status": transition.target, "version": _numbered()}
    if transition.fenced:
        same["locked_by"] = None
    return JobRow.update(**{**new, **same}).where(*guard)


def as_seen() -> tuple[Any, ...]:
    """What guards a claim of a job that was looked at before its change was numbered: nobody has
    changed it since; its runner is known; and its queue is not paused, and gives out jobs without
    counting them, which only who has numbered a change can do."""
    runner = RunnerRow.name == pw.SQL(f"(SELECT locked_by FROM {GIVEN} LIMIT 1)")
    is_open = QueueRow.paused_at.is_null(), QueueRow.max_running.is_null()
    names = QueueRow.select(QueueRow.name).join(RunnerRow, on=runner).where(*is_open)
    # As an array, which is made once for all jobs.
    may = JobRow.queue == pw.fn.ANY(pw.fn.ARRAY(names))
    return JobRow.version == parameter(JobRow.version, "seen"), may


def select_type() -> Any:
    """The type of a job."""
    return JobRow.select(JobRow.type).where(JobRow.id == parameter(JobRow.id))


def queue_again() -> Any:
    """The queue of a job anew, if it was deleted meanwhile: jobs are looked for in queues alone."""
    mine = JobRow.select(JobRow.queue).where(JobRow.id == parameter(JobRow.id))
    return QueueRow.insert_from(mine, [QueueRow.name]).on_conflict_ignore()


def insert_attempt() -> Any:
    """The row of an attempt that begins, by what its claim changes of the job."""
    return AttemptRow.insert(
        job_id=parameter(AttemptRow.job_id, "the job"),
        number=parameter(AttemptRow.number, "attempt"),
        runner=parameter(AttemptRow.runner, "locked_by"),
        started_at=parameter(AttemptRow.started_at),
    )


def end_attempt() -> Any:
    """The end of an attempt, in its row."""
    names = ("finished_at", "outcome", "error", "cpu_seconds", "peak_memory_bytes", "pid")
    return AttemptRow.update(
        **{name: parameter(getattr(AttemptRow, name)) for name in names}
    ).where(
        key_equals(AttemptRow.job_id, "the job"),
        AttemptRow.number == parameter(AttemptRow.number, "held attempt"),
    )
