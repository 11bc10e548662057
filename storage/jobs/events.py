"""Events: the changes of jobs, as triggers record them.

Each change of a status is kept, and the newest change of progress. The number of an event is the
version of its change. Transactions commit in the order of versions, so a reader that has read up to
a version has missed nothing before it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import AttemptRow, EventRow, JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row
from storage.db.versions import select_newest_version
from storage.jobs import output
from storage.jobs.output import OutputPiece, OutputReader
from storage.jobs.rows import from_json_text
from storage.records.holds import HELD
from storage.records.job import Job
from storage.records.json_values import Json
from storage.records.progress import shown_progress
from storage.records.states import FINAL, Status

PAGE = 500


@dataclass(frozen=True)
class Event:
    """A job after one change. `progress` and `error` are None unless this is its newest change."""

    version: int
    job_id: UUID
    type: str
    queue: str
    is_progress: bool
    status: Status
    attempt: int
    runner: str | None
    """The runner of the attempt; None before the first one."""
    progress: Json | None
    error: Json | None
    created_at: int
    run_at: int
    started_at: int | None
    finished_at: int | None
    cancel_requested_at: int | None
    tags: tuple[str, ...]
    is_missed: bool = False
    """Whether the change records that the job has missed its deadline."""
    finish_by: int | None = None
    """The deadline of the job, as it is now."""
    submitted_by: str | None = None
    """The name of the caller who submitted the job."""

    @property
    def final(self) -> bool:
        """Whether the change left the job in a final status."""
        return self.status in FINAL


class Events:
    """Reads events; may be used by many threads. Methods raise StoreError."""

    def __init__(self, database: Database):
        self._database = database
        self.outputs = OutputReader(database)

    def newest(self) -> int:
        """Return the newest version of all changes."""
        query = self._database.statement("newest version", select_newest_version)
        return int(self._database.fetch(query, {})[0]["value"])

    def after(self, version: int) -> list[Event]:
        """Return the next events of all jobs after a version, oldest first: at most PAGE."""
        query = self._database.statement(("events", PAGE), _select_after)
        return [_event(row) for row in self._database.fetch(query, {"after": version})]

    def of_job(self, job_id: UUID, version: int) -> list[Event]:
        """Return all events of a job after a version, oldest first.

        Returns none if there is no such job.
        """
        query = self._database.statement("events of job", _select_of_job)
        values = {"job_id": job_id, "after": version}
        return [_event(row) for row in self._database.fetch(query, values)]

    def changes_after(self, version: int) -> tuple[int, list[Event | OutputPiece]]:
        """Return the next events and pieces of output of all jobs after a version, in order.

        The first value is the version up to which the list is complete. Later ones may exist
        already.
        """
        known = self.newest()  # first: all changes up to here are committed now
        if known == version:
            return version, []
        events, parts = self.after(version), self.outputs.between(version, known)
        if len(events) == PAGE:
            known = min(known, events[-1].version)
        if len(parts) == output.PAGE:
            known = min(known, parts[-1].version)
        news: list[Event | OutputPiece] = [*events, *parts]
        return known, sorted((each for each in news if each.version <= known), key=_version)

    def existing(self, job_ids: Collection[UUID]) -> set[UUID]:
        """Return the jobs among these ids that still exist."""
        query = JobRow.select(JobRow.id).where(JobRow.id.in_(sorted(job_ids)))
        return {row["id"] for row in self._database.rows(query)}


def _version(each: Event | OutputPiece) -> int:
    return each.version


def newest_event(job: Job) -> Event:
    """Return the newest event of a job, built from the job itself."""
    return Event(
        job.version,
        job.id,
        job.type,
        job.queue,
        False,
        job.status,
        job.attempt,
        job.attempts[-1].runner if job.attempts else None,
        job.progress,
        job.error,
        job.created_at,
        job.run_at,
        job.started_at,
        job.finished_at,
        job.cancel_requested_at,
        job.tags,
        submitted_by=job.submitted_by,
    )


def _select() -> pw.Select:
    """Select all columns of events. Progress and errors that were replaced since are left out."""
    newest = JobRow.version == EventRow.version
    its_attempt = (AttemptRow.job_id == EventRow.job_id) & (AttemptRow.number == EventRow.attempt)
    has_no_row = (EventRow.attempt == 1) & JobRow.first_runner.is_null(False)
    row = AttemptRow.select(AttemptRow.runner).where(its_attempt)
    runner = pw.Case(None, [(has_no_row, JobRow.first_runner)], row)
    run_at = pw.Case(
        EventRow.run_at, [(HELD, pw.fn.COALESCE(JobRow.due_at, JobRow.run_at))], EventRow.run_at
    )
    query = EventRow.select(
        EventRow.version,
        EventRow.job_id,
        EventRow.is_progress,
        EventRow.status,
        EventRow.attempt,
        run_at.alias("run_at"),
        EventRow.started_at,
        EventRow.finished_at,
        EventRow.cancel_requested_at,
        EventRow.is_missed,
        runner.alias("runner"),
        JobRow.type,
        JobRow.queue,
        JobRow.created_at,
        JobRow.tags,
        JobRow.finish_by,
        JobRow.submitted_by,
        pw.Case(None, [(newest, JobRow.progress)]).alias("progress"),
        pw.Case(None, [(newest, JobRow.error)]).alias("error"),
    ).join(JobRow, on=(JobRow.id == EventRow.job_id))
    return query.where(newest | ~EventRow.is_progress).order_by(EventRow.version)


def _select_after() -> pw.Select:
    return _select().where(EventRow.version > parameter(EventRow.version, "after")).limit(PAGE)


def _select_of_job() -> pw.Select:
    """Follow the chain of `previous` versions from the newest event back."""
    after = parameter(EventRow.version, "after")
    newest = (
        JobRow.select(JobRow.version)
        .where(JobRow.id == parameter(JobRow.id, "job_id"), JobRow.version > after)
        .cte("chain", recursive=True, columns=("version",))
    )
    one = EventRow.alias("one")
    before = one.select(one.previous).join(newest, on=(one.version == newest.c.version))
    chain = newest.union_all(before.where(one.previous > after))
    numbers = pw.Select([chain], [chain.c.version])
    return _select().where(EventRow.version.in_(numbers)).with_cte(chain)


def _event(row: Row) -> Event:
    texts = {name: from_json_text(row[name]) for name in ("progress", "error")}
    texts["progress"] = shown_progress(row["status"], texts["progress"])
    texts["tags"] = tuple(from_json_text(row["tags"]) or ())
    known: Row = {"status": Status(row["status"])}
    known |= {name: bool(row[name]) for name in ("is_progress", "is_missed")}
    return Event(**{**row, **texts, **known})
