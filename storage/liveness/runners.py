"""The registered runners that are alive, and the lock files that prove it on one host."""

import fcntl
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from storage.db.clock import DATABASE_NOW
from storage.db.database import Database
from storage.db.models import JobRow, RunnerRow
from storage.db.statements import Row
from storage.jobs.open_queues import IS_RUNNING
from storage.records.job import Job, NewJob
from storage.records.job_limits import WorkerLimits, allows, worker_limits

STALE_SECONDS = 30.0
"""A runner whose heartbeat is older hangs or is stopped. A heartbeat tells people so; it never
decides whether a runner is alive."""


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
    heartbeat_age: float | None = None
    """Seconds since its loop has shown that it runs; None if unknown."""
    lease_ended: bool = False
    """Whether it counts as dead, and the next runner rescues its jobs. Only on PostgreSQL."""
    limits: WorkerLimits | None = None
    """What its jobs may use; None for a runner of an earlier release, which has not said so."""

    @property
    def is_stale(self) -> bool:
        """Whether it hangs or is stopped, so that it cannot start jobs now."""
        return self.lease_ended or (self.heartbeat_age or 0.0) > STALE_SECONDS

    @property
    def busy(self) -> int:
        """Number of slots that have a job."""
        return min(self.slots, self.held)

    def takes(self, queue: str) -> bool:
        """Return whether the runner takes jobs from a queue."""
        return self.queues is None or queue in self.queues

    def may_run(self, job: Job | NewJob) -> bool:
        """Return whether the runner takes a job: one of its queues, and within its limits."""
        return self.takes(job.queue) and allows(self.limits, job.limits)


def registered_runners(database: Database, folder: Path) -> list[RegisteredRunner]:
    """Return all runners that are not known to be dead, ordered by their start.

    On PostgreSQL, also those whose lease has ended, until they are rescued. `folder` holds the lock
    files; it is only used with SQLite.
    """
    held = _held(database)
    now = [DATABASE_NOW.alias("now")] if database.postgresql else []
    query = RunnerRow.select(RunnerRow, *now)
    rows = database.rows(query.order_by(RunnerRow.started_at, RunnerRow.name))
    if not database.postgresql:
        rows = [row for row in rows if not is_lock_free(lock_path(folder, row["name"]))]
    return [_runner(row, held.get(row["name"], 0), folder) for row in rows]


def living_runner_names(database: Database, folder: Path) -> list[str]:
    """Return the names of the runners that are alive. Works with the schemas of all releases."""
    query = RunnerRow.select(RunnerRow.name).order_by(RunnerRow.name)
    if database.postgresql:
        query = query.where(RunnerRow.lease_expires_at > DATABASE_NOW)
    names = [str(row["name"]) for row in database.rows(query)]
    if database.postgresql:
        return names
    return [name for name in names if not is_lock_free(lock_path(folder, name))]


def _runner(row: Row, held: int, folder: Path) -> RegisteredRunner:
    queues, now, renewed_at = row["queues"], row.get("now"), row["renewed_at"]
    if now is None:
        age = _seconds_since_touch(lock_path(folder, row["name"]))
    else:
        age = None if renewed_at is None else max(0.0, (now - renewed_at) / 1000)
    return RegisteredRunner(
        row["name"],
        row["slots"],
        row["started_at"],
        held,
        None if queues is None else frozenset(queues.split(",")),
        age,
        now is not None and row["lease_expires_at"] <= now,
        worker_limits(row["limits"]),
    )


def _held(database: Database) -> Counter[str]:
    """Number of jobs held by each runner."""
    held = JobRow.select(JobRow.locked_by.alias("name")).where(IS_RUNNING)
    return Counter(row["name"] for row in database.rows(held))


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


def touch(descriptor: int) -> None:
    """Store the time in a lock file. Raises OSError.

    The time is stored as the file's modification time, which needs no room on the disk. It comes
    from the monotonic clock, which cannot be set and does not run while the machine sleeps.
    """
    now = time.monotonic_ns()
    os.utime(descriptor, ns=(now, now))


def _seconds_since_touch(path: Path) -> float | None:
    """Return the age of the heartbeat in a lock file.

    None if there is no heartbeat: the file is gone, or belongs to a runner of an earlier release,
    which leaves its modification time to the file system.
    """
    try:
        touched_at = path.stat().st_mtime_ns
    except OSError:
        return None
    age = (time.monotonic_ns() - touched_at) / 1e9
    return age if age >= 0 else None
