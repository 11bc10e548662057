"""Unique keys: of all jobs with one key, at most one holds it at any time.

The `unique_scope` of a job says how long it holds its key:

    queued     until it starts for the first time
    running    until it is final, also while it waits for a retry
    final      as long as it exists

All changes of jobs hold the version lock, so a holder that was found under it stays one until the
commit. The index of migration 0035 refuses a second holder in any case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Values
from storage.records.job import NewJob
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import Status

HOLDS_KEY = pw.SQL(
    "unique_key IS NOT NULL"
    " AND (unique_scope = 'final'"
    " OR unique_scope = 'running' AND status IN ('queued', 'running')"
    " OR status = 'queued' AND attempt = 0)"
)
"""The condition for jobs that hold their keys, as the index has it: a database uses a partial index
only if a query repeats its condition."""


@dataclass(frozen=True)
class KeyHolder:
    """The job that holds the unique key of another one, which therefore was not stored or retried.

    is_answer: whether the new job asked for this one instead (`if_exists` is `return`).
    submitted_by, queue: of the job that holds the key: a client may see it or not.
    """

    job_id: UUID
    status: Status
    unique_key: str
    scope: str
    is_answer: bool = False
    submitted_by: str | None = None
    queue: str = DEFAULT_QUEUE


Holders = dict[str | None, Row]
"""The rows of the jobs that hold unique keys, by key; None is no key."""


def with_different_keys(jobs: Sequence[NewJob]) -> list[Sequence[NewJob]]:
    """Return the jobs in their order, in groups in which no unique key occurs twice."""
    if all(job.unique_key is None for job in jobs):
        return [jobs]
    groups: list[list[NewJob]] = [[]]
    seen: set[str] = set()
    for job in jobs:
        if job.unique_key in seen:
            groups.append([])
            seen.clear()
        if job.unique_key is not None:
            seen.add(job.unique_key)
        groups[-1].append(job)
    return [*groups]


def rows_of_holders(database: Database, jobs: Sequence[NewJob]) -> Holders:
    """Return the rows of the jobs that hold the unique keys of new jobs, by key.

    Only inside a transaction. Takes the version lock if a new job has a key.
    """
    keys = {job.unique_key for job in jobs if job.unique_key is not None}
    if not keys:
        return {}
    database.next_version(0)  # so that the holders stay what they are
    fields = JobRow.id, JobRow.type, JobRow.status, JobRow.submitted_by, JobRow.queue
    query = JobRow.select(*fields, JobRow.unique_key, JobRow.unique_scope).where(
        JobRow.unique_key.in_(sorted(keys)), HOLDS_KEY
    )
    return {row["unique_key"]: row for row in database.rows(query)}


def holder_of_key(job: NewJob, row: Values) -> KeyHolder | None:
    """Return the job that keeps a new one from being stored; `row` is the row of the holder.

    Returns None if the new job replaces the holder: a queued job of its own caller, or of any
    caller if it may replace the jobs of all callers.
    """
    is_own = job.submitted_by is not None and job.submitted_by == row["submitted_by"]
    may_replace = row["status"] == Status.QUEUED and (is_own or job.replaces_all)
    if job.if_exists == "replace" and may_replace:
        return None
    return _holder(row, is_answer=job.if_exists == "return")


def other_holder(database: Database, job_id: UUID) -> KeyHolder | None:
    """Return the other job that holds the unique key of this one, None without one."""
    rows = database.fetch(database.statement("other holder", _select_other), {"id": job_id})
    return _holder(rows[0], is_answer=False) if rows else None


def _holder(row: Values, is_answer: bool) -> KeyHolder:
    status = Status(row["status"])
    holder = row["id"], status, row["unique_key"], row["unique_scope"], is_answer
    return KeyHolder(*holder, row["submitted_by"], row["queue"])


def _select_other() -> pw.Select:
    this = JobRow.alias()
    key = this.select(this.unique_key).where(this.id == parameter(JobRow.id))
    fields = JobRow.id, JobRow.status, JobRow.unique_key, JobRow.unique_scope
    who = JobRow.submitted_by, JobRow.queue
    is_other = JobRow.id != parameter(JobRow.id)
    return JobRow.select(*fields, *who).where(JobRow.unique_key == key, HOLDS_KEY, is_other)
