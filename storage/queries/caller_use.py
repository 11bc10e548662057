"""Counts what one caller uses: its queued jobs, and the bytes of the files of its jobs.

No index has the queued jobs of a caller: it would make all jobs of a service with tokens slower.
So either the queued jobs of all callers or all jobs of the caller are read, whichever are fewer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobFileRow, JobRow, UploadRow
from storage.db.parameters import parameter, unindexed
from storage.jobs.open_queues import IS_QUEUED, UNFINISHED
from storage.queries.files_by_hash import files_by_hash
from storage.queries.stats import count_queued
from storage.records.filters import View
from storage.records.job import Upload
from storage.records.resumable_upload import ResumableUpload
from storage.records.states import Status

OF_CALLER = "job_submitted_by"
"""The index of the jobs of each caller."""
FEW_JOBS = 10_000
"""So many jobs of a caller are read without a look at how many files there are."""
MAX_JOBS = 10_000_000
MAX_EXCESS = 10_000
"""So many queued jobs above a limit are counted: schedules, retries by others and a lowered limit
can let a caller have more than it may."""
_LIMIT = pw.IntegerField()
_OWN = JobRow.alias("own")

_LOOKED_AT = 20_000
"""How many of the jobs of a caller are looked at, the newest first."""
_UNFINISHED = [Status.QUEUED, Status.RUNNING]


def count_queued_of(database: Database, caller: str, limit: int) -> int:
    """Return the number of queued jobs of a caller, or `limit` if there are more."""
    queued = count_queued(database)
    own = _value(database, "jobs of a caller", _select_own, caller, queued)
    if own < queued:
        name, select = "queued, of the jobs of a caller", _select_queued_of_own
    else:
        name, select = "of a caller, of the queued jobs", _select_own_of_queued
    return _value(database, name, select, caller, limit)


def count_bytes_of(
    database: Database, caller: str, begun_by: Callable[[str], Iterable[ResumableUpload]]
) -> int:
    """Return the bytes that the jobs of a caller and its resumable uploads keep.

    An upload that several of its jobs share counts once. A resumable upload counts with its final
    size from its beginning on, until a job of the caller has the file.
    """
    small = _value(database, "jobs of a caller", _select_own, caller, FEW_JOBS)
    by_files = small == FEW_JOBS and _has_fewer_files(database, caller)
    selects = _BY_FILES if by_files else _BY_JOBS
    kept = sum(_value(database, *each, caller, 0) for each in selects)
    begun = sum(
        each.size
        for each in begun_by(caller)
        if each.sha256 is None or not has_upload(database, caller, each.sha256)
    )
    return kept + begun


def has_upload(database: Database, caller: str, sha256: str) -> bool:
    """Return whether a job of a caller was given a file with this SHA-256."""
    found = files_by_hash(database, sha256, View(caller))
    return any(isinstance(file, Upload) for _, file in found)


def _has_fewer_files(database: Database, caller: str) -> bool:
    """Whether a third of the caller's jobs are more than there are files: then it is quicker to
    find the jobs of all files."""
    most = _value(database, "jobs of a caller", _select_own, caller, MAX_JOBS) // 3
    names = ("uploads", _select_uploads), ("job files", _select_files)
    return sum(_value(database, *each, caller, most) for each in names) < most


def _value(database: Database, name: str, select: Any, caller: str, limit: int) -> int:
    values = {"submitted_by": caller, "limit": limit}
    (row,) = database.fetch(
        database.statement(("caller use", name), lambda: select(database)), values
    )
    return int(row["value"])


def _is_own(job: Any = JobRow) -> list[pw.Node]:
    """The condition of the index OF_CALLER."""
    is_own = job.submitted_by == parameter(JobRow.submitted_by)
    return [is_own, job.submitted_by.is_null(False)]


def _select_own(database: Database) -> pw.Select:
    """The number of jobs of a caller, up to a limit. Reads only the index."""
    own = JobRow.select(JobRow.id).where(*_is_own()).order_by(JobRow.submitted_by, JobRow.id)
    return _count(database.engine.by_index(own, JobRow, OF_CALLER))


def _select_queued_of_own(database: Database) -> pw.Select:
    """The number of queued jobs among a caller's jobs, up to a limit."""
    own = JobRow.select(JobRow.id).where(*_is_own(), unindexed(JobRow.status) == Status.QUEUED)
    own = own.order_by(JobRow.submitted_by.desc(), JobRow.id.desc())
    return _count(database.engine.by_index(own, JobRow, OF_CALLER))


def _select_own_of_queued(database: Database) -> pw.Select:
    """The number of jobs of a caller among the queued ones, up to a limit."""
    own = JobRow.select(JobRow.id).where(
        IS_QUEUED, unindexed(JobRow.submitted_by) == parameter(JobRow.submitted_by)
    )
    return _count(database.engine.by_index(own, JobRow, UNFINISHED))


def _count(query: pw.Select) -> pw.Select:
    some = query.limit(parameter(_LIMIT, "limit")).alias("some")
    return pw.Select([some], [pw.fn.COUNT(pw.SQL("*")).alias("value")])


def _select_uploads(database: Database) -> pw.Select:
    """The number of uploads, up to a limit."""
    return _count(UploadRow.select(UploadRow.id))


def _select_files(database: Database) -> pw.Select:
    """The number of files that jobs have left, up to a limit."""
    return _count(JobFileRow.select(JobFileRow.job_id))


def _select_upload_bytes_of_own(database: Database) -> pw.Select:
    """The bytes of the uploads of a caller's jobs, found by the jobs."""
    own = _OWN.select(_OWN.upload_id).where(*_is_own(_OWN), _OWN.upload_id.is_null(False))
    own = database.engine.by_index(own, _OWN, OF_CALLER)
    return _sum(UploadRow).where(UploadRow.id.in_(own))


def _select_file_bytes_of_own(database: Database) -> pw.Select:
    """The bytes of the files that a caller's jobs have left, found by the jobs."""
    own = _OWN.select(_OWN.id).where(*_is_own(_OWN), _OWN.file_count.is_null(False))
    own = database.engine.by_index(own, _OWN, OF_CALLER)
    return _sum(JobFileRow).where(JobFileRow.job_id.in_(own))


def _select_own_upload_bytes(database: Database) -> pw.Select:
    """The bytes of the uploads of a caller's jobs, found by the uploads."""
    return _sum(UploadRow).where(_has_own_job(JobRow.upload_id == UploadRow.id))


def _select_own_file_bytes(database: Database) -> pw.Select:
    """The bytes of the files that a caller's jobs have left, found by the files."""
    return _sum(JobFileRow).where(_has_own_job(JobRow.id == JobFileRow.job_id))


def _has_own_job(condition: pw.Node) -> pw.Function:
    is_own = unindexed(JobRow.submitted_by) == parameter(JobRow.submitted_by)
    return pw.fn.EXISTS(JobRow.select(JobRow.id).where(condition, is_own))


def _sum(model: Any) -> pw.Select:
    total: pw.Select = model.select(pw.fn.COALESCE(pw.fn.SUM(model.size), 0).alias("value"))
    return total


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
    some = some.limit(_LOOKED_AT).alias("some")
    count = pw.fn.COUNT(pw.SQL("*")).alias("count")
    columns = some.c.queue, some.c.status
    counted = pw.Select([some], [*columns, count]).where(some.c.status.in_(_UNFINISHED))
    return counted.group_by(*columns)


_BY_JOBS = (
    ("bytes of uploads, by jobs", _select_upload_bytes_of_own),
    ("bytes of files, by jobs", _select_file_bytes_of_own),
)
_BY_FILES = (
    ("bytes of uploads, by uploads", _select_own_upload_bytes),
    ("bytes of files, by files", _select_own_file_bytes),
)
