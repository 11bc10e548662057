"""Open queues: the queues from which a runner may claim now, with the room under their limits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import peewee as pw

from storage.db.database import Database
from storage.db.models import EndedRow, JobRow, QueueRow, RunnerRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Statement
from storage.records.holds import Watch

# As literals: a database uses a partial index only if it can prove the index's condition.
IS_QUEUED = pw.SQL("finished_at IS NULL AND status = 'queued'")
IS_RUNNING = pw.SQL("finished_at IS NULL AND status = 'running'")
UNFINISHED = "job_unfinished"
"""The index of the jobs that are not final, by status, queue, priority and `run_at`."""
_QUEUE_ALIAS = "in_queue"
QUEUE = QueueRow.alias(_QUEUE_ALIAS)
"""The queue that the subqueries `first_run_at` and `count_running` refer to."""


@dataclass(frozen=True)
class OpenQueue:
    """A queue that is not paused and has queued jobs.

    `room` is how many more jobs may run, None without a limit. `next_run_at` is when its first job
    is or was due, in milliseconds since 1970.
    """

    name: str
    room: int | None
    next_run_at: int

    def room_for(self, count: int) -> int:
        """Return how many of `count` jobs may start."""
        return count if self.room is None else min(count, max(0, self.room))


def open_queues(database: Database, queues: Collection[str] | None) -> list[OpenQueue]:
    """Return the open queues among these, or all open queues for None.

    A queue whose limit leaves no room is not open.
    """
    return open_queues_from(database.fetch(*open_queues_query(database)), queues)


def earliest_run_at(queues: Collection[OpenQueue]) -> int | None:
    """Return when the first job of these queues is or was due, None without a queue."""
    return min((queue.next_run_at for queue in queues), default=None)


def open_queues_query(
    database: Database, runner: str | None = None
) -> tuple[Statement, dict[str, str | None]]:
    """Return the query for open queues, and its values.

    With `runner`, the query finds no queue if that runner is not registered, because another runner
    has declared it dead.

    The database counts the running jobs of all runners. Two runners cannot use the same room,
    provided each counts after it has taken the version lock (`Database.next_version`).
    """
    for_claim = runner is not None
    statement = database.statement(
        ("open_queues", for_claim), lambda: _select_open_queues(database, for_claim)
    )
    return statement, {"name": runner}


def open_queues_from(rows: Sequence[Row], queues: Collection[str] | None) -> list[OpenQueue]:
    """Return the open queues among these queues, from the rows of `open_queues_query`."""
    open_queues = [_open_queue(row) for row in rows if row["next_run_at"] is not None]
    selected = [queue for queue in open_queues if queues is None or queue.name in queues]
    return [queue for queue in selected if queue.room_for(1)]


def has_ended(rows: Sequence[Row]) -> bool:
    """Return whether the outbox `ended` has entries, from the rows of `open_queues_query`."""
    return any(row["has_ended"] for row in rows)


def _open_queue(row: Row) -> OpenQueue:
    limit = row["max_running"]
    return OpenQueue(
        row["name"], None if limit is None else limit - row["running"], row["next_run_at"]
    )


def _select_open_queues(database: Database, for_claim: bool) -> pw.Select:
    runner = RunnerRow.select(pw.SQL("1")).where(RunnerRow.name == parameter(RunnerRow.name))
    is_registered = [pw.fn.EXISTS(runner)] if for_claim else []
    # Only counted if there is a limit.
    running = pw.Case(None, [(QUEUE.max_running.is_null(False), count_running(database))])
    ended = EndedRow.select(pw.SQL("1")).where(EndedRow.watched.bin_and(sum(Watch)) != 0)
    return QUEUE.select(
        QUEUE.name,
        QUEUE.max_running,
        first_run_at(database).alias("next_run_at"),
        running.alias("running"),
        pw.fn.EXISTS(ended).alias("has_ended"),
    ).where(QUEUE.paused_at.is_null(), *is_registered)


def first_run_at(database: Database) -> pw.SQL:
    """Return the subquery for the time when the first queued job of the queue QUEUE is due.

    The index has the first job of each priority, so this looks up one priority after the other.
    PostgreSQL has an index by `run_at`, since it needs much longer for each look-up.
    """
    if database.postgresql:
        queued = f"FROM job WHERE {IS_QUEUED.sql} AND queue = {_QUEUE_ALIAS}.name"
        return pw.SQL(f"(SELECT run_at {queued} ORDER BY run_at LIMIT 1)")
    indexed = f"job INDEXED BY {UNFINISHED}"
    queued = f"FROM {indexed} WHERE {IS_QUEUED.sql} AND queue = {_QUEUE_ALIAS}.name"
    return pw.SQL(f"""(
        WITH RECURSIVE level (top) AS (
            SELECT (SELECT priority {queued} ORDER BY priority DESC LIMIT 1)
            UNION ALL
            SELECT (SELECT priority {queued} AND priority < top ORDER BY priority DESC LIMIT 1)
            FROM level WHERE top IS NOT NULL
        ) SELECT MIN((SELECT run_at {queued} AND priority = top ORDER BY run_at LIMIT 1)) FROM level
    )""")


def count_running(database: Database) -> pw.Select:
    """Return the subquery for the number of running jobs of the queue QUEUE."""
    job = JobRow.alias("held")
    running = job.select(pw.fn.COUNT(pw.SQL("*"))).where(IS_RUNNING, job.queue == QUEUE.name)
    return database.engine.by_index(running, job, UNFINISHED)
