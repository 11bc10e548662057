"""Runners that were silent until their lease ended, and what became of their jobs.

Such a runner may have died, or it is only stopped and continues some day: then it registers again
under a new name. On one host there are none: a free lock proves that a runner has ended.
"""

from dataclasses import dataclass

import peewee as pw

from storage.db.clock import DATABASE_NOW
from storage.db.database import Database
from storage.db.models import CounterRow, RunnerRow
from storage.db.models_liveness import LostRunnerRow
from storage.db.statements import Row
from storage.liveness.runners import RegisteredRunner

KEEP_SECONDS = 86_400.0
"""How long they are known."""
_COUNTER = "", "runner lost"
"""Type and name of the counter. It belongs to no type of jobs."""


@dataclass(frozen=True)
class LostRunner:
    """A runner whose lease has ended.

    heartbeat_age: seconds since it has shown that it runs.
    lost_seconds: seconds since another runner has settled its jobs.
    queued_again: how many of its jobs and parts were queued again.
    ended: how many of its jobs ended, because they were lost too often or were to be canceled.
    """

    name: str
    slots: int
    started_at: int
    queues: frozenset[str] | None
    heartbeat_age: float
    lost_seconds: float
    queued_again: int
    ended: int

    def as_registered(self) -> RegisteredRunner:
        """Return it as a runner that does not respond, and holds nothing."""
        return RegisteredRunner(
            self.name, self.slots, self.started_at, 0, self.queues, self.heartbeat_age, True
        )


def record_lost_runner(database: Database, name: str, queued_again: int, ended: int) -> None:
    """Record a runner that is about to be removed, in the transaction that settles its jobs.

    Counts it. In a database with leases, also keeps who it was, and deletes old records.
    """
    database.counters.add(*_COUNTER)
    if not database.postgresql:
        return
    database.run(LostRunnerRow.delete().where(~_is_recent(KEEP_SECONDS)))
    values = {
        LostRunnerRow.name: RunnerRow.name,
        LostRunnerRow.slots: RunnerRow.slots,
        LostRunnerRow.started_at: RunnerRow.started_at,
        LostRunnerRow.queues: RunnerRow.queues,
        LostRunnerRow.heard_at: RunnerRow.renewed_at,
        LostRunnerRow.lost_at: DATABASE_NOW,
        LostRunnerRow.queued_again: pw.Value(queued_again),
        LostRunnerRow.ended: pw.Value(ended),
    }
    runner = RunnerRow.select(*values.values()).where(RunnerRow.name == name)
    database.run(LostRunnerRow.insert_from(runner, list(values)).on_conflict_ignore())


def lost_runners(database: Database, seconds: float = KEEP_SECONDS) -> list[LostRunner]:
    """Return the runners that were lost in the last seconds, the latest first.

    Leaves out those whose process has registered again under a new name. Raises StoreError.
    """
    if not database.postgresql:
        return []
    query = LostRunnerRow.select(LostRunnerRow, DATABASE_NOW.alias("now"))
    rows = database.rows(query.where(_is_recent(seconds)).order_by(LostRunnerRow.lost_at.desc()))
    if not rows:
        return []
    names = {process_of(row["name"]) for row in database.rows(RunnerRow.select(RunnerRow.name))}
    return [_runner(row) for row in rows if process_of(row["name"]) not in names]


def count_lost_runners(database: Database) -> int:
    """Return how many runners were lost since the store exists, on one host too.

    Runners that a worker of an earlier release has removed do not count. Raises StoreError.
    """
    rows = database.fetch(database.statement("runners lost", _select_count), {})
    return int(rows[0]["value"]) if rows else 0


def _select_count() -> pw.Select:
    of_all_jobs, name = _COUNTER
    return CounterRow.select(CounterRow.value).where(
        CounterRow.type == of_all_jobs, CounterRow.name == name
    )


def process_of(name: str) -> str:
    """Return the part of a runner's name that stays when the same process registers again."""
    return name.rpartition("-")[0]


def _runner(row: Row) -> LostRunner:
    heard_at, queues, now = row["heard_at"] or row["lost_at"], row["queues"], row["now"]
    return LostRunner(
        row["name"],
        row["slots"],
        row["started_at"],
        None if queues is None else frozenset(queues.split(",")),
        max(0.0, (now - heard_at) / 1000),
        max(0.0, (now - row["lost_at"]) / 1000),
        row["queued_again"],
        row["ended"],
    )


def _is_recent(seconds: float) -> pw.Expression:
    return LostRunnerRow.lost_at > pw.Expression(DATABASE_NOW, "-", int(seconds * 1000))
