"""The outbox of callbacks for all jobs, which the operator names in CALLBACKS_FILE.

    events of ends ──collect──▶ service_callback ──take──▶ sender

Each callback has a position: the version up to which the ends of jobs are in the outbox. Moving the
position and adding the jobs is one transaction, so each end is added exactly once, whichever
listener does it and whenever it dies. Workers need not know of it, and pay nothing for it.

A callback that is new begins at the newest change. Nothing is sent if the job is deleted or retried
first; the next end of a retried job is another one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import CallbackPositionRow, EventRow, JobRow, ServiceCallbackRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Values
from storage.db.versions import select_newest_version
from storage.jobs.callbacks import Callback, WaitLimit
from storage.jobs.rows import from_json_text, jobs_by_id
from storage.records.service_callback import ServiceCallback

PAGE = 500
"""How many ends of jobs are read at a time."""
MAX_BEHIND = 1000
"""How many versions a stored position may be behind without an end to add."""


@dataclass(frozen=True)
class _End:
    """The end of a job."""

    job_id: UUID
    version: int
    status: str
    type: str
    queue: str
    tags: Sequence[str]


class ServiceCallbacks:
    """Fills the outbox, and hands out due callbacks; may be used by many threads.

    Knows only the callbacks of its listener; callbacks with other names stay for other listeners.
    Methods raise StoreError.
    """

    def __init__(self, database: Database, clock: Clock, callbacks: Mapping[str, ServiceCallback]):
        self._database = database
        self._clock = clock
        self._callbacks = callbacks
        self._seen: dict[str, int] = {}
        """Up to which version there are no further ends for a callback, by its name."""
        self._limit = WaitLimit(database, clock, ServiceCallbackRow)
        self._is_mine = ServiceCallbackRow.name.in_(sorted(callbacks))

    def collect(self) -> bool:
        """Put the jobs that have ended since into the outbox. Returns whether there may be more."""
        newest, has_more = self._newest(), False
        positions = self._positions(newest)
        by_start = defaultdict[int, list[str]](list)
        for name, version in positions.items():
            by_start[max(version, self._seen.get(name, 0))].append(name)
        for start, names in sorted(by_start.items()):
            if start < newest:
                has_more |= self._collect(start, newest, {each: positions[each] for each in names})
        return has_more

    def take(self, limit: int, seconds: float) -> list[Callback]:
        """Take up to `limit` due callbacks for this many seconds."""
        self._limit.enforce()
        if not self._database.rows(self._due(1)):
            return []
        with self._database.transaction():
            now = self._clock()
            rows = self._database.rows(self._database.engine.skip_locked(self._due(limit)))
            for row in rows:
                again = {"due_at": now + round(seconds * 1000), "tries": row["tries"] + 1}
                unchanged = _unchanged(row, row["tries"])
                self._database.run(ServiceCallbackRow.update(**again).where(*unchanged))
        jobs = jobs_by_id(self._database, [row["job_id"] for row in rows]) if rows else {}
        found = []
        for row in rows:
            name, job, tries = row["name"], jobs.get(row["job_id"]), row["tries"] + 1
            if job and job.final:
                found.append(Callback(job, self._callbacks[name].url, tries, name))
            else:  # deleted, or retried by a client: its next end is another one
                self._remove(row, tries)
        return found

    def done(self, callback: Callback) -> None:
        """Remove a callback: it was sent, or it has no tries left."""
        self._remove({"name": callback.name, "job_id": callback.job.id}, callback.tries)

    def retry(self, callback: Callback, seconds: float) -> None:
        """Make a callback due again after this many seconds."""
        self._due_in(callback, seconds, callback.tries)

    def postpone(self, callback: Callback, seconds: float) -> None:
        """Make a callback due again after this many seconds, without counting a try."""
        self._due_in(callback, seconds, callback.tries - 1)

    def _due_in(self, callback: Callback, seconds: float, tries: int) -> None:
        due_at = self._clock() + round(seconds * 1000)
        again = ServiceCallbackRow.update(due_at=due_at, tries=tries)
        row = {"name": callback.name, "job_id": callback.job.id}
        self._database.run(again.where(*_unchanged(row, callback.tries)))

    def _remove(self, row: Values, tries: int) -> None:
        self._database.run(ServiceCallbackRow.delete().where(*_unchanged(row, tries)))

    def _due(self, limit: int) -> pw.Select:
        query = ServiceCallbackRow.select().where(
            self._is_mine, ServiceCallbackRow.due_at <= self._clock()
        )
        return query.order_by(ServiceCallbackRow.due_at).limit(limit)

    def _newest(self) -> int:
        query = self._database.statement("newest version", select_newest_version)
        return int(self._database.fetch(query, {})[0]["value"])

    def _positions(self, newest: int) -> dict[str, int]:
        """Return the positions of the callbacks by name. One without a position begins now."""
        names = sorted(self._callbacks)
        query = CallbackPositionRow.select().where(CallbackPositionRow.name.in_(names))
        found = {row["name"]: row["version"] for row in self._database.rows(query)}
        if new := [{"name": name, "version": newest} for name in names if name not in found]:
            self._database.run(CallbackPositionRow.insert_many(new).on_conflict_ignore())
            found = {row["name"]: row["version"] for row in self._database.rows(query)}
        return found

    def _collect(self, start: int, newest: int, positions: Mapping[str, int]) -> bool:
        """Add the jobs that have ended since a version to the outbox.

        `positions` are the stored positions. A position moves only if there is something to add, or
        once it is far behind, so that most ends of jobs cause no transaction.
        """
        select = self._database.statement(("ends after", PAGE), _select_ends)
        found = self._database.fetch(select, {"after": start, "newest": newest})
        ends = [_end(row) for row in found]
        has_more = len(ends) == PAGE
        end = ends[-1].version if has_more else newest
        for name, position in positions.items():
            rows = self._rows(name, ends)
            if (not rows and end - position < MAX_BEHIND) or self._move(name, position, end, rows):
                self._seen[name] = end
        return has_more

    def _rows(self, name: str, ends: Sequence[_End]) -> list[Row]:
        """Return the rows of a callback for the ends that its filters select."""
        selects, now = self._callbacks[name].selects, self._clock()
        return [
            {"name": name, "job_id": end.job_id, "due_at": now, "tries": 0}
            for end in {each.job_id: each for each in ends}.values()  # the last end of each job
            if selects(end.status, end.type, end.queue, end.tags)
        ]

    def _move(self, name: str, position: int, end: int, rows: list[Row]) -> bool:
        """Move a position and add rows, unless another listener has moved it."""
        with self._database.transaction():
            is_mine = CallbackPositionRow.name == name, CallbackPositionRow.version == position
            moved = CallbackPositionRow.update(version=end).where(*is_mine)
            if not self._database.changed(moved):
                return False
            if rows:
                key = [ServiceCallbackRow.name, ServiceCallbackRow.job_id]
                again = {ServiceCallbackRow.due_at: pw.EXCLUDED.due_at, ServiceCallbackRow.tries: 0}
                insert = ServiceCallbackRow.insert_many(rows)
                self._database.run(insert.on_conflict(conflict_target=key, update=again))
        return True


def _select_ends() -> pw.Select:
    """Select the next ends of jobs after a version, with the columns that filters look at."""
    columns = EventRow.job_id, EventRow.version, EventRow.status
    query = EventRow.select(*columns, JobRow.type, JobRow.queue, JobRow.tags).join(
        JobRow, on=(JobRow.id == EventRow.job_id)
    )
    ends = (
        EventRow.version > parameter(EventRow.version, "after"),
        EventRow.version <= parameter(EventRow.version, "newest"),
        EventRow.finished_at.is_null(False),
        ~EventRow.is_progress,
    )
    return query.where(*ends).order_by(EventRow.version).limit(PAGE)


def _end(row: Row) -> _End:
    return _End(**{**row, "tags": from_json_text(row["tags"]) or ()})


def _unchanged(row: Values, tries: int) -> tuple[pw.Expression, ...]:
    """Return the condition that a row still has this number of tries, as in `callbacks`."""
    return (
        ServiceCallbackRow.name == row["name"],
        ServiceCallbackRow.job_id == row["job_id"],
        ServiceCallbackRow.tries == tries,
    )
