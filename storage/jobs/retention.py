"""Deletes final jobs after their retention time, and uploads that no job uses."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import AttemptRow, EventRow, JobRow, UploadRow
from storage.db.parameters import parameter
from storage.jobs.rows import jobs_by_id
from storage.records.job import JobCheck
from storage.records.states import FINAL, Status

BATCH = 100
"""How many jobs a transaction deletes, so that other writers wait for it for 3 ms."""
EVENTS = 1000
"""How many events are read at a time."""
RESTART_MS = 3600 * 1000
"""How often all events are read again from the oldest on."""
_MAX_IN = 500


class Retention:
    """Deletes final jobs some time after their end, the oldest first. For one thread.

    Events are in the order of time, and each final job has one at its version. So expired jobs are
    found from the oldest event on, without an index by `finished_at`, to which each completion
    would write. An event is passed if its job has changed since, or was deleted.
    """

    def __init__(self, database: Database):
        self._database = database
        self._passed = 0
        """The version up to which no event needs to be read again before the restart."""
        self._restart_at = 0
        self.has_more = False
        """Whether there may be more expired jobs, so that `prune` should be called again soon."""

    def prune(self, now: int, keep_ms: int) -> tuple[int, list[UUID]]:
        """Delete up to BATCH jobs that have been final for more than `keep_ms`.

        Returns the number of deleted jobs, and the uploads that no job uses any more; the caller
        may delete their files. `now` is in milliseconds since 1970.
        """
        if now >= self._restart_at:
            self._passed, self._restart_at = 0, now + RESTART_MS
        expired, passed = self._find(now, now - keep_ms)
        deleted, unused = self._delete(expired) if expired else (set[UUID](), list[UUID]())
        kept = [version for job_id, version in expired.items() if job_id not in deleted]
        self._passed = min([passed, *(version - 1 for version in kept)])
        return len(deleted), unused

    def _find(self, now: int, finished_before: int) -> tuple[dict[UUID, int], int]:
        """Return the versions of expired jobs by id, and the version up to which it has read."""
        expired, last = dict[UUID, int](), self._last_of_next()
        ends = self._database.statement(("ends of jobs", BATCH), _select_ends)
        rows = self._database.fetch(ends, {"passed": self._passed, "last": last})
        for row in rows:
            if row["finished_at"] < finished_before:
                expired[row["job_id"]] = row["version"]
            elif row["finished_at"] <= now:  # else the clock was set back since
                self.has_more = False  # all later ones ended later
                return expired, row["version"] - 1
        if len(rows) < BATCH:
            return expired, last
        self.has_more = True
        return expired, rows[-1]["version"]

    def _last_of_next(self) -> int:
        """Return the version of the last of the next EVENTS events, and set `has_more`."""
        select = self._database.statement(("next events", EVENTS), _select_last_of_next)
        (row,) = self._database.fetch(select, {"passed": self._passed})
        self.has_more = row["count"] == EVENTS
        return int(row["last"] or self._passed)

    def _delete(self, expired: Mapping[UUID, int]) -> tuple[set[UUID], list[UUID]]:
        """Delete those jobs that have not changed and that no other transaction changes now.

        Returns their ids, and the uploads that no job uses any more.
        """
        columns = JobRow.id, JobRow.version, JobRow.upload_id
        query = JobRow.select(*columns).where(JobRow.id.in_(sorted(expired)))
        with self._database.transaction():
            found = self._database.rows(self._database.engine.skip_locked(query))
            rows = [row for row in found if row["version"] == expired[row["id"]]]
            ids = [row["id"] for row in rows]
            return set(ids), _delete(self._database, ids, {row["upload_id"] for row in rows})


def _select_last_of_next() -> Any:
    is_next = EventRow.version > parameter(EventRow.version, "passed")
    events = EventRow.select(EventRow.version).where(is_next).order_by(EventRow.version)
    some = events.limit(EVENTS).alias("some")
    last, count = pw.fn.MAX(some.c.version), pw.fn.COUNT(some.c.version)
    return pw.Select([some], [last.alias("last"), count.alias("count")])


def _select_ends() -> Any:
    """Select the first BATCH events after a version that are the ends of jobs as they are now."""
    is_last_change = (JobRow.id == EventRow.job_id) & (JobRow.version == EventRow.version)
    return (
        EventRow.select(EventRow.version, EventRow.job_id, EventRow.finished_at)
        .join(JobRow, on=is_last_change)
        .where(
            EventRow.version > parameter(EventRow.version, "passed"),
            EventRow.version <= parameter(EventRow.version, "last"),
            EventRow.finished_at.is_null(False),
        )
        .order_by(EventRow.version)
        .limit(BATCH)
    )


def delete_job(
    database: Database, job_id: UUID, check: JobCheck | None = None
) -> tuple[Status | None, list[UUID]]:
    """Delete one job if it is final.

    Returns the status it had, None if there is no such job, and its unused uploads, as
    `Retention.prune` does. Raises what `check` raises.
    """
    with database.transaction():
        query = JobRow.select(JobRow.status, JobRow.upload_id).where(JobRow.id == job_id)
        rows = database.rows(database.engine.lock(query))
        if not rows:
            return None, []
        status = Status(rows[0]["status"])
        if status not in FINAL:
            return status, []
        if check is not None:
            check(jobs_by_id(database, [job_id])[job_id])
        return status, _delete(database, [job_id], {rows[0]["upload_id"]})


def unknown_uploads(database: Database, uploads: set[UUID]) -> set[UUID]:
    """Return the uploads among these ids that have no row, so that no job can use their files."""
    known: set[UUID] = set()
    ordered = sorted(uploads)
    for start in range(0, len(ordered), _MAX_IN):
        some = UploadRow.id.in_(ordered[start : start + _MAX_IN])
        known |= {row["id"] for row in database.rows(UploadRow.select(UploadRow.id).where(some))}
    return uploads - known


def _delete(database: Database, ids: list[UUID], uploads: set[UUID | None]) -> list[UUID]:
    """Delete jobs and their attempts. Returns the uploads that no job uses any more."""
    database.run(AttemptRow.delete().where(AttemptRow.job_id.in_(ids)))
    database.run(JobRow.delete().where(JobRow.id.in_(ids)))
    return _delete_unused(database, {each for each in uploads if each is not None})


def _delete_unused(database: Database, uploads: set[UUID]) -> list[UUID]:
    if not uploads:
        return []
    candidates = UploadRow.id.in_(sorted(uploads))
    # Locked before the search for users: from here on, no new job can take one as its source.
    database.rows(database.engine.lock(UploadRow.select().where(candidates)))
    used = JobRow.select(JobRow.upload_id).where(JobRow.upload_id.in_(sorted(uploads))).distinct()
    unused = sorted(uploads - {row["upload_id"] for row in database.rows(used)})
    database.run(UploadRow.delete().where(UploadRow.id.in_(unused)))
    return unused
