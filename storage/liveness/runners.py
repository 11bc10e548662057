"""The registered runners that are alive, and the lock files that prove it on one host."""

import fcntl
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.clock import DATABASE_NOW
from storage.db.database import Database
from storage.db.models import JobRow, PartRow, RunnerRow
from storage.jobs.open_queues import IS_RUNNING


@dataclass(frozen=True)
class RegisteredRunner:
    """A runner with its number of slots and of jobs it holds. It can hold more jobs than it has
    slots: further jobs are prefetched."""

    name: str
    slots: int
    started_at: int
    held: int
    queues: frozenset[str] | None = None
    """Queues it takes jobs from; None: all."""

    @property
    def busy(self) -> int:
        """Number of slots that have a job."""
        return min(self.slots, self.held)

    def takes(self, queue: str) -> bool:
        """Return whether the runner takes jobs from a queue."""
        return self.queues is None or queue in self.queues


def living_runners(database: Database, folder: Path) -> list[RegisteredRunner]:
    """Return all runners that are not known to be dead, ordered by their start.

    `folder` holds the lock files; it is only used with SQLite.
    """
    held = _held(database)
    columns = (RunnerRow.name, RunnerRow.slots, RunnerRow.started_at, RunnerRow.queues)
    query = RunnerRow.select(*columns)
    if database.postgresql:
        query = query.where(RunnerRow.lease_expires_at > DATABASE_NOW)
    rows = database.rows(query.order_by(RunnerRow.started_at, RunnerRow.name))
    if not database.postgresql:
        rows = [row for row in rows if not is_lock_free(lock_path(folder, row["name"]))]
    return [_runner(row, held.get(row["name"], 0)) for row in rows]


def _runner(row: dict[str, Any], held: int) -> RegisteredRunner:
    queues = row.pop("queues")
    return RegisteredRunner(
        **row, held=held, queues=None if queues is None else frozenset(queues.split(","))
    )


def _held(database: Database) -> Counter[str]:
    """Number of jobs and job parts held by each runner. A job in parts takes no slot itself."""
    in_parts = pw.fn.EXISTS(PartRow.select(pw.SQL("1")).where(PartRow.job_id == JobRow.id))
    whole = JobRow.select(JobRow.locked_by.alias("name")).where(IS_RUNNING)
    parts = PartRow.select(PartRow.runner.alias("name")).where(PartRow.runner.is_null(False))
    held = [*database.rows(whole.where(~in_parts)), *database.rows(parts)]
    return Counter(row["name"] for row in held)


def lock_path(folder: Path, name: str) -> Path:
    """Path of the lock file of a runner."""
    return folder / f"{name}.lock"


def is_lock_free(path: Path) -> bool:
    """Return whether no process holds the lock. A missing file counts as free: its runner ended
    cleanly."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
