"""The runners that live, as anybody sees them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.clock import DATABASE_NOW
from storage.db.database import Database
from storage.db.models import JobRow, PartRow, RunnerRow
from storage.jobs.open_queues import IS_RUNNING
from storage.liveness.runner_locks import lock_is_free, lock_path


@dataclass(frozen=True)
class RegisteredRunner:
    """A runner, its slots, and how many jobs it holds: more than slots where some wait in line."""

    name: str
    slots: int
    started_at: int
    held: int
    queues: frozenset[str] | None = None
    """Those that it takes jobs from; None: all."""

    @property
    def busy(self) -> int:
        """Slots that have a job."""
        return min(self.slots, self.held)

    def takes(self, queue: str) -> bool:
        """Whether it takes jobs from a queue."""
        return self.queues is None or queue in self.queues


def living(database: Database, folder: Path) -> list[RegisteredRunner]:
    """The runners that are not known to be dead, in order of their start.

    `folder` has their locks, where these tell who lives.
    """
    held = _held(database)
    columns = (RunnerRow.name, RunnerRow.slots, RunnerRow.started_at, RunnerRow.queues)
    query = RunnerRow.select(*columns)
    if database.postgresql:
        query = query.where(RunnerRow.lease_expires_at > DATABASE_NOW)
    rows = database.rows(query.order_by(RunnerRow.started_at, RunnerRow.name))
    if not database.postgresql:
        rows = [row for row in rows if not lock_is_free(lock_path(folder, row["name"]))]
    return [_runner(row, held.get(row["name"], 0)) for row in rows]


def _runner(row: dict[str, Any], held: int) -> RegisteredRunner:
    queues = row.pop("queues")
    return RegisteredRunner(
        **row, held=held, queues=None if queues is None else frozenset(queues.split(","))
    )


def _held(database: Database) -> Counter[str]:
    """Jobs and parts of jobs, by their runners. A job in parts takes no slot itself."""
    in_parts = pw.fn.EXISTS(PartRow.select(pw.SQL("1")).where(PartRow.job_id == JobRow.id))
    whole = JobRow.select(JobRow.locked_by.alias("name")).where(IS_RUNNING)
    parts = PartRow.select(PartRow.runner.alias("name")).where(PartRow.runner.is_null(False))
    held = [*database.rows(whole.where(~in_parts)), *database.rows(parts)]
    return Counter(row["name"] for row in held)
