"""Deletes final jobs after their retention time, and files that no job uses.

rule after rule: the jobs that it matches, by their last events ─┐
jobs with a `keep_for` of their own, by an index ────────────────┴─▶ deleted, with unused files
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import peewee as pw

from storage.audit.record import record
from storage.db.database import Database
from storage.db.models import AttemptRow, EventRow, JobRow, TagRow, UploadRow
from storage.db.parameters import parameter, unindexed
from storage.db.statements import Row
from storage.jobs.file_rows import keys_of_files
from storage.jobs.rows import jobs_by_id
from storage.records.audit import Actor
from storage.records.job import JobCheck
from storage.records.job_file import UnusedFile
from storage.records.retention_rules import RetentionRule
from storage.records.states import FINAL, Status

BATCH = 100
"""How many jobs a transaction deletes, so that other writers wait for it for 3 ms."""
EVENTS = 1000
"""How many events are read at a time."""
RESTART_MS = 3600 * 1000
"""How often all events are read again from the oldest on."""
_MAX_IN = 500


class Retention:
    """Deletes each final job when it has been kept for long enough. For one thread.

    Its own `keep_for` decides, else the first rule that matches it, else the default.
    """

    def __init__(self, database: Database, rules: Sequence[RetentionRule], default_keep_ms: int):
        conditions = [_matches(rule) for rule in rules]
        keep_times = [*(rule.keep_ms for rule in rules), default_keep_ms]
        self._passes = [
            (_Pass(database, index, conditions), keep_ms)
            for index, keep_ms in enumerate(keep_times)
            if keep_ms is not None
        ]
        self._own = _OwnTimes(database)

    @property
    def has_more(self) -> bool:
        """Whether there may be more expired jobs, so that `prune` should be called again soon."""
        return self._own.has_more or any(each.has_more for each, _ in self._passes)

    def prune(self, now: int) -> tuple[int, list[UnusedFile]]:
        """Delete up to BATCH jobs of each rule, and up to BATCH jobs with a time of their own.

        Returns the number of deleted jobs, and the files that no job uses any more; the caller may
        delete them with `Store.delete_files`. `now` is in milliseconds since 1970.
        """
        results = [self._own.prune(now)]
        results += [each.prune(now, keep_ms) for each, keep_ms in self._passes]
        return sum(deleted for deleted, _ in results), [
            each for _, some in results for each in some
        ]


class _Pass:
    """Deletes the jobs of one rule some time after their end, the oldest first.

    Events are in the order of time, and each final job has one at its version. So expired jobs are
    found from the oldest event on, without an index by `finished_at`, to which each completion
    would write. An event is passed if its job has changed since, or was deleted.
    """

    def __init__(self, database: Database, index: int, conditions: Sequence[pw.ColumnBase]):
        """`index` is the number of the rule; after the last rule, it stands for all other jobs."""
        self._database = database
        self._index, self._conditions = index, conditions
        self._passed = 0
        """The version up to which no event needs to be read again before the restart."""
        self._restart_at = 0
        self.has_more = False
        """Whether there may be more expired jobs, so that `prune` should be called again soon."""

    def prune(self, now: int, keep_ms: int) -> tuple[int, list[UnusedFile]]:
        """Delete up to BATCH jobs that have been final for more than `keep_ms`."""
        if now >= self._restart_at:
            self._passed, self._restart_at = 0, now + RESTART_MS
        expired, passed = self._find(now, now - keep_ms)
        deleted, unused = _delete_unchanged(self._database, expired)
        kept = [version for job_id, version in expired.items() if job_id not in deleted]
        self._passed = min([passed, *(version - 1 for version in kept)])
        return len(deleted), unused

    def _find(self, now: int, finished_before: int) -> tuple[dict[UUID, int], int]:
        """Return the versions of expired jobs by id, and the version up to which it has read."""
        expired, last = dict[UUID, int](), self._last_of_next()
        key = "ends of jobs", BATCH, self._index, len(self._conditions)
        ends = self._database.statement(key, lambda: _select_ends(self._index, self._conditions))
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


class _OwnTimes:
    """Deletes the jobs that have a `keep_for` of their own, the one that is due first."""

    def __init__(self, database: Database):
        self._database = database
        self.has_more = False

    def prune(self, now: int) -> tuple[int, list[UnusedFile]]:
        """Delete up to BATCH jobs whose own time is over."""
        due = self._database.statement(("kept jobs", BATCH), _select_due)
        rows = self._database.fetch(due, {"now": now})
        self.has_more = len(rows) == BATCH
        expired = {row["id"]: row["version"] for row in rows}
        deleted, unused = _delete_unchanged(self._database, expired)
        return len(deleted), unused


def _delete_unchanged(
    database: Database, expired: Mapping[UUID, int]
) -> tuple[set[UUID], list[UnusedFile]]:
    """Delete those jobs that have not changed and that no other transaction changes now.

    `expired` has their versions. Returns their ids, and the files that no job uses any more.
    """
    if not expired:
        return set(), []
    columns = JobRow.id, JobRow.version, JobRow.upload_id, JobRow.file_count
    query = JobRow.select(*columns).where(JobRow.id.in_(sorted(expired)))
    with database.transaction():
        found = database.rows(database.engine.skip_locked(query))
        rows = [row for row in found if row["version"] == expired[row["id"]]]
        return {row["id"] for row in rows}, _delete(database, rows)


def _select_last_of_next() -> pw.Select:
    is_next = EventRow.version > parameter(EventRow.version, "passed")
    events = EventRow.select(EventRow.version).where(is_next).order_by(EventRow.version)
    some = events.limit(EVENTS).alias("some")
    last, count = pw.fn.MAX(some.c.version), pw.fn.COUNT(some.c.version)
    return pw.Select([some], [last.alias("last"), count.alias("count")])


def _matches(rule: RetentionRule) -> pw.ColumnBase:
    """Return the condition that a job matches a rule."""
    if rule.status is not None:
        return EventRow.status == rule.status
    if rule.type is not None:
        return unindexed(JobRow.type) == rule.type
    has_tag = TagRow.select(TagRow.job_id).where(
        TagRow.tag == rule.tag, TagRow.job_id == EventRow.job_id
    )
    return pw.fn.EXISTS(has_tag)


def _select_ends(index: int, conditions: Sequence[pw.ColumnBase]) -> pw.Select:
    """Select the first BATCH events after a version that are the ends of jobs as they are now.

    Only jobs count that match the condition with this index and none before, and that have no time
    of their own. An index after the last one stands for jobs that match none.
    """
    its_own = [*(~each for each in conditions[:index]), *conditions[index : index + 1]]
    is_last_change = (JobRow.id == EventRow.job_id) & (JobRow.version == EventRow.version)
    return (
        EventRow.select(EventRow.version, EventRow.job_id, EventRow.finished_at)
        .join(JobRow, on=is_last_change)
        .where(
            EventRow.version > parameter(EventRow.version, "passed"),
            EventRow.version <= parameter(EventRow.version, "last"),
            EventRow.finished_at.is_null(False),
            JobRow.keep_ms.is_null(),
            *its_own,
        )
        .order_by(EventRow.version)
        .limit(BATCH)
    )


def _select_due() -> pw.Select:
    """Select the BATCH jobs with times of their own that were due first."""
    due_at = pw.Expression(JobRow.finished_at, "+", JobRow.keep_ms)
    due = JobRow.select(JobRow.id, JobRow.version).where(
        JobRow.keep_ms.is_null(False), due_at < parameter(JobRow.finished_at, "now")
    )
    return due.order_by(due_at).limit(BATCH)


def delete_job(
    database: Database,
    job_id: UUID,
    check: JobCheck | None = None,
    actor: Actor | None = None,
    now: int = 0,
) -> tuple[Status | None, list[UnusedFile]]:
    """Delete one job if it is final. With an actor, this is recorded in the audit log, at `now`.

    Returns the status it had, None if there is no such job, and its unused files, as
    `Retention.prune` does. Raises what `check` raises.
    """
    with database.transaction():
        columns = JobRow.id, JobRow.status, JobRow.upload_id, JobRow.file_count
        named = JobRow.type, JobRow.submitted_by
        query = JobRow.select(*columns, *named).where(JobRow.id == job_id)
        rows = database.rows(database.engine.lock(query))
        if not rows:
            return None, []
        status = Status(rows[0]["status"])
        if status not in FINAL:
            return status, []
        if check is not None:
            check(jobs_by_id(database, [job_id])[job_id])
        known = {name: rows[0][name] for name in ("type", "submitted_by")}
        record(database, actor, "delete", "job", job_id, now, **known)
        return status, _delete(database, rows)


def unknown_uploads(database: Database, uploads: set[UUID]) -> set[UUID]:
    """Return the uploads among these ids that have no row, so that no job can use their files."""
    known: set[UUID] = set()
    ordered = sorted(uploads)
    for start in range(0, len(ordered), _MAX_IN):
        some = UploadRow.id.in_(ordered[start : start + _MAX_IN])
        known |= {row["id"] for row in database.rows(UploadRow.select(UploadRow.id).where(some))}
    return uploads - known


def _delete(database: Database, jobs: Sequence[Row]) -> list[UnusedFile]:
    """Delete jobs and their attempts. Returns the files that no job uses any more.

    `jobs` has the columns `id`, `upload_id` and `file_count` of each. A trigger deletes the rows of
    their files.
    """
    ids = [row["id"] for row in jobs]
    left = keys_of_files(database, [row["id"] for row in jobs if row["file_count"]])
    database.run(AttemptRow.delete().where(AttemptRow.job_id.in_(ids)))
    database.run(JobRow.delete().where(JobRow.id.in_(ids)))
    uploads = {row["upload_id"] for row in jobs if row["upload_id"] is not None}
    return [*delete_unused_uploads(database, uploads), *left]


def delete_unused_uploads(database: Database, uploads: set[UUID]) -> list[UUID]:
    """Delete the rows of those uploads that no job uses; return their ids. Inside a transaction."""
    if not uploads:
        return []
    candidates = UploadRow.id.in_(sorted(uploads))
    # Locked before the search for users: from here on, no new job can take one as its source.
    database.rows(database.engine.lock(UploadRow.select().where(candidates)))
    used = JobRow.select(JobRow.upload_id).where(JobRow.upload_id.in_(sorted(uploads))).distinct()
    unused = sorted(uploads - {row["upload_id"] for row in database.rows(used)})
    database.run(UploadRow.delete().where(UploadRow.id.in_(unused)))
    return unused
