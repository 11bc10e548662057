"""Named queues: limits of running jobs across all runners, and pauses.

A queue must exist before a job is submitted to it. So a mistyped name is refused, and no job waits
in a queue that no runner reads. `default` always exists.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import peewee as pw

from storage.audit.record import record
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow, QueueRow
from storage.db.statements import Row
from storage.jobs.open_queues import (
    IS_QUEUED,
    IS_RUNNING,
    QUEUE,
    UNFINISHED,
    count_running,
    first_run_at,
)
from storage.notify.wakeup import WORKER, Wakeup, notifying_transaction
from storage.records.audit import Actor
from storage.records.queue_name import DEFAULT_QUEUE

MAX_QUEUES = 100
"""Each claim reads all of them."""
COUNT_LIMIT = 10_000
"""Maximum number of queued jobs that are counted."""


class TooManyQueues(Exception):
    """There are MAX_QUEUES already."""


class QueueInUse(Exception):
    """The queue has jobs that are not final, or it is `default`."""


@dataclass(frozen=True)
class Queue:
    """A queue as it is now.

    `max_running` None means no limit, `paused_at` None not paused. `queued` counts up to
    COUNT_LIMIT; at that value there may be more.
    """

    name: str
    max_running: int | None
    paused_at: int | None
    running: int
    queued: int
    oldest_due_seconds: float | None

    @property
    def paused(self) -> bool:
        """Whether no jobs of the queue are started."""
        return self.paused_at is not None

    @property
    def is_full(self) -> bool:
        """Whether the limit leaves no room."""
        return self.max_running is not None and self.running >= self.max_running

    @property
    def is_queued_capped(self) -> bool:
        """Whether `queued` reached COUNT_LIMIT, so that there may be more queued jobs."""
        return self.queued >= COUNT_LIMIT


QueueCheck = Callable[[Queue | None], None]
"""Is called with a queue before a client changes it, in the same transaction: no one else can
change the queue between the two. None if it does not exist. Raises an exception if the client may
not."""


class Queues:
    """Creates, changes and lists queues; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails.
    """

    def __init__(self, database: Database, wakeup: Wakeup, clock: Clock):
        self._database = database
        self._wakeup = wakeup
        self._clock = clock

    def all(self) -> list[Queue]:
        """Return all queues, ordered by name."""
        return list_queues(self._database, self._clock())

    def get(self, name: str) -> Queue | None:
        """Return a queue, or None."""
        return next(iter(list_queues(self._database, self._clock(), name)), None)

    def put(
        self,
        name: str,
        check: QueueCheck | None = None,
        actor: Actor | None = None,
        **changes: object,
    ) -> bool:
        """Create or change a queue. `changes` may have `max_running` (None: no limit) and `paused`.

        Returns whether the queue is new. Running jobs are not affected. With an actor, this is
        recorded in the audit log. Raises TooManyQueues, and what `check` raises.
        """
        with self._changing(name, check) as exists:
            if not exists:
                self._make(name)
            self._update(name, changes)
            record(self._database, actor, "put queue", "queue", name, self._clock(), **changes)
        return not exists

    def change(
        self,
        name: str,
        check: QueueCheck | None = None,
        actor: Actor | None = None,
        **changes: object,
    ) -> bool:
        """Change a queue as `put` does. Returns False if there is no such queue."""
        with self._changing(name, check) as exists:
            self._update(name, changes)
            if exists:
                now = self._clock()
                record(self._database, actor, "change queue", "queue", name, now, **changes)
        return exists

    def delete(
        self, name: str, check: QueueCheck | None = None, actor: Actor | None = None
    ) -> bool:
        """Delete a queue without queued or running jobs. Returns False if there is no such queue.

        Final jobs keep its name, and retrying one creates the queue again. Raises QueueInUse, and
        what `check` raises.
        """
        with self._database.transaction():
            self._database.next_version(0)  # the version lock: no job is added meanwhile
            if name == DEFAULT_QUEUE or self._is_in_use(name):
                raise QueueInUse
            if check:
                check(self.get(name))
            deleted = self._database.changed(QueueRow.delete().where(QueueRow.name == name)) == 1
            if deleted:
                record(self._database, actor, "delete queue", "queue", name, self._clock())
            return deleted

    @contextmanager
    def _changing(self, name: str, check: QueueCheck | None) -> Iterator[bool]:
        """Open the transaction of a change. Yields whether the queue exists."""
        with notifying_transaction(self._wakeup, self._database, WORKER):
            self._database.next_version(0)  # the version lock serializes it with all other changes
            if check:
                check(self.get(name))
            yield bool(existing_queues(self._database, [name]))

    def _update(self, name: str, changes: Row) -> None:
        values = dict(changes)
        if "paused" in values:
            since = pw.fn.COALESCE(QueueRow.paused_at, self._clock())  # keeps the first
            values["paused_at"] = since if values.pop("paused") else None
        if values:
            self._database.run(QueueRow.update(**values).where(QueueRow.name == name))

    def _make(self, name: str) -> None:
        count = QueueRow.select(pw.fn.COUNT(QueueRow.name).alias("count"))
        if self._database.rows(count)[0]["count"] >= MAX_QUEUES:
            raise TooManyQueues
        self._database.run(QueueRow.insert(name=name))

    def _is_in_use(self, name: str) -> bool:
        for status in (IS_QUEUED, IS_RUNNING):
            some = JobRow.select(JobRow.id).where(status, JobRow.queue == name).limit(1)
            if self._database.rows(some):
                return True
        return False


def existing_queues(database: Database, names: Collection[str]) -> set[str]:
    """Return the names among these that are queues."""
    rows = database.rows(QueueRow.select(QueueRow.name).where(QueueRow.name.in_(list(names))))
    return {row["name"] for row in rows}


def list_queues(database: Database, now: int, name: str | None = None) -> list[Queue]:
    """Return all queues ordered by name, or only the queue with this name."""
    query = _select(database)
    if name is not None:
        query = query.where(QUEUE.name == name)
    return [_queue(row, now) for row in database.rows(query.order_by(QUEUE.name))]


def _queue(row: Row, now: int) -> Queue:
    first = row.pop("next_run_at")
    due = None if first is None or first > now else (now - first) / 1000
    return Queue(**row, oldest_due_seconds=due)


def _select(database: Database) -> pw.Select:
    job = JobRow.alias("waiting")
    mine = job.select(job.id).where(IS_QUEUED, job.queue == QUEUE.name).limit(COUNT_LIMIT)
    some = database.engine.by_index(mine, job, UNFINISHED).alias("some")
    queued = pw.Select([some], [pw.fn.COUNT(pw.SQL("*"))])
    return QUEUE.select(
        QUEUE,
        first_run_at(database).alias("next_run_at"),
        count_running(database).alias("running"),
        queued.alias("queued"),
    )
