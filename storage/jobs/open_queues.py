"""Lanes: the queues from which a runner may claim now, each with how much room its limit leaves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, QueueRow, RunnerRow
from storage.db.parameters import parameter
from storage.db.statements import Statement

# As literals, since an engine uses a partial index only where it can prove its condition.
IS_QUEUED = pw.SQL("status = 'queued'")
IS_RUNNING = pw.SQL("status = 'running'")


@dataclass(frozen=True)
class OpenQueue:
    """A queue with queued jobs that is not paused. `room` is how many more may run, None without a
    limit; `next_run_at` is when the first of its jobs falls or fell due, in milliseconds."""

    queue: str
    room: int | None
    next_run_at: int

    def fits(self, count: int) -> int:
        """How many of so many jobs may start."""
        return count if self.room is None else min(count, max(0, self.room))


def open_queues(database: Database, queues: Collection[str] | None) -> list[OpenQueue]:
    """The lanes of these queues, None for all. A full one, whose limit leaves no room, is none."""
    return open_queues_from(database.fetch(*open_queues_query(database)), queues)


def open_queues_query(
    database: Database, runner: str | None = None
) -> tuple[Statement, dict[str, str | None]]:
    """What to ask for lanes. None is there for a `runner` that is not registered: another one took
    it for dead.

    What runs is counted by the store, for all runners. Two of them cannot count the same room, if
    each asks after it has numbered its changes (`Database.next_version`).
    """
    is_claim = runner is not None
    asked = database.statement(("lanes", is_claim), lambda: _select_open_queues(database, is_claim))
    return asked, {"name": runner}


def open_queues_from(
    rows: Sequence[dict[str, Any]], queues: Collection[str] | None
) -> list[OpenQueue]:
    """The open lanes of these queues, by the rows that answer what was asked."""
    lanes = [_open_queue(row) for row in rows if row["next_run_at"] is not None]
    taken = [lane for lane in lanes if queues is None or lane.queue in queues]
    return [lane for lane in taken if lane.fits(1)]


def _open_queue(row: dict[str, Any]) -> OpenQueue:
    limit = row["max_running"]
    return OpenQueue(
        row["name"], None if limit is None else limit - row["running"], row["next_run_at"]
    )


def _select_open_queues(database: Database, is_claim: bool) -> Any:
    known = RunnerRow.select(pw.SQL("1")).where(RunnerRow.name == parameter(RunnerRow.name))
    may = [pw.fn.EXISTS(known)] if is_claim else []
    # Without a limit nothing is counted.
    running = pw.Case(None, [(QueueRow.max_running.is_null(False), count_running(database))])
    return QueueRow.select(
        QueueRow.name,
        QueueRow.max_running,
        first_run_at(database).alias("next_run_at"),
        running.alias("running"),
    ).where(QueueRow.paused_at.is_null(), *may)


def first_run_at(database: Database) -> Any:
    """When the first queued job of a queue falls due, as a part of a query of queues."""
    job = JobRow.alias("first")
    mine = job.select(job.run_at).where(IS_QUEUED, job.queue == QueueRow.name)
    return database.by_index(mine.order_by(job.run_at).limit(1), job, "job_run_at")


def count_running(database: Database) -> Any:
    """How many jobs of a queue run, as a part of a query of queues."""
    job = JobRow.alias("held")
    mine = job.select(pw.fn.COUNT(pw.SQL("*"))).where(IS_RUNNING, job.queue == QueueRow.name)
    return database.by_index(mine, job, "job_running")
