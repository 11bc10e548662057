"""Registers a runner, keeps it alive, and proves that another runner is dead.

On one host, no clock is involved. A runner holds an flock on its own file, which all its child
processes inherit. If the lock is free, the kernel proves that the whole process tree has ended.
This also works between containers that share the volume.

On PostgreSQL, with runners on many hosts, a lease by the database's clock decides. A runner that
cannot renew its lease in time kills its own jobs before the lease ends.
"""

import contextlib
import fcntl
import math
import os
import secrets
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path

import peewee as pw

from storage.db.clock import DATABASE_NOW, steady_now
from storage.db.database import Database
from storage.db.models import RunnerRow
from storage.files import close_watch
from storage.liveness.runners import is_lock_free, lock_path, touch
from storage.records.job_limits import WorkerLimits

SAFE_SHARE = 2 / 3
"""Share of a lease during which jobs may run after a renewal. The rest is for killing them."""

BEAT_SECONDS = 5.0
"""How often a runner touches its lock file."""
MAX_RENEW_SECONDS = 10.0
"""The longest time between two renewals of a lease, as a renewal is a heartbeat, too."""


class Liveness(ABC):
    """The liveness of this runner, and the check of others."""

    name: str
    descriptors: tuple[int, ...] = ()
    """Lock files that all processes of the runner must hold: open, or mapped into memory."""
    min_dead_ms = 0
    """Minimum time for which a runner's jobs have been dead once the runner is proved dead."""

    @abstractmethod
    def register(
        self,
        slots: int,
        now: int,
        queues: Collection[str] | None = None,
        limits: WorkerLimits | None = None,
    ) -> None:
        """Insert the runner into the database, with the queues it takes jobs from (None: all), and
        with the limits of its jobs."""

    @abstractmethod
    def renew(self) -> None:
        """Show that the runner is alive: extend its lease, or touch its lock file.

        To be called in each iteration of the runner's loop. It writes only every few seconds.
        """

    def safe_until(self) -> float:
        """Time by `clock.steady_now` until which others surely consider this runner alive, unless
        it is renewed. Its jobs must be dead by then. Infinity for a lock, which does not expire."""
        return math.inf

    @abstractmethod
    def is_dead(self, name: str) -> bool:
        """Return whether another runner is proved dead. Call this inside a transaction: the runner
        stays dead until it ends."""

    def fileno(self) -> int:
        """Descriptor that is readable when another runner may have died; -1 if there is none."""
        return -1

    def runner_may_have_died(self) -> bool:
        """Return whether `fileno` was readable since the previous call, and clear it."""
        return False

    def clean_up_after(self, name: str) -> None:  # noqa: B027
        """Remove the remains of a dead runner, after its jobs were rescued."""

    def close(self) -> None:  # noqa: B027
        """Remove the remains of this runner."""


def new_runner_name() -> str:
    """Return a runner name that is unique to this start of the program."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    return f"{socket.gethostname()}-{os.getpid()}-{boot}-{secrets.token_hex(3)}"


def insert_runner(
    database: Database,
    name: str,
    slots: int,
    now: int,
    lease: pw.Node | None,
    queues: Collection[str] | None,
    limits: WorkerLimits | None = None,
) -> None:
    """Insert a row for a runner. `lease` is when its lease ends, None without leases."""
    names = None if queues is None else ",".join(sorted(queues))
    renewed_at = None if lease is None else DATABASE_NOW
    leases = {"lease_expires_at": lease, "renewed_at": renewed_at}
    text = None if limits is None else limits.to_text()
    row = RunnerRow.insert(
        name=name, slots=slots, started_at=now, queues=names, limits=text, **leases
    )
    database.run(row.on_conflict_ignore())  # an uncertain commit may have stored it already


class FileLiveness(Liveness):
    """Liveness by flock, for runners on one kernel."""

    def __init__(self, database: Database, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._database = database
        self._folder = folder
        self.name = new_runner_name()
        # The lock is held until every copy of this descriptor is closed, in children as well.
        self._file = os.open(self._path(self.name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            os.ftruncate(self._file, 1)  # an empty file could not be mapped
        except BaseException:
            os.close(self._file)
            self._path(self.name).unlink(missing_ok=True)
            raise
        self.descriptors = (self._file,)
        self._touched_at = -math.inf
        self.renew()
        self._close_watch = close_watch.watch(folder)

    def register(
        self,
        slots: int,
        now: int,
        queues: Collection[str] | None = None,
        limits: WorkerLimits | None = None,
    ) -> None:
        """Insert the runner into the database. Its lock is already held."""
        insert_runner(self._database, self.name, slots, now, None, queues, limits)

    def renew(self) -> None:
        """Touch the lock file, as a heartbeat. The kernel keeps the lock anyway."""
        now = time.monotonic()
        if now - self._touched_at >= BEAT_SECONDS:
            self._touched_at = now
            with contextlib.suppress(OSError):
                touch(self._file)

    def is_dead(self, name: str) -> bool:
        """Return whether the runner's lock is free."""
        return is_lock_free(self._path(name))

    def fileno(self) -> int:
        """Descriptor that is readable when the last process of some runner has ended."""
        return self._close_watch.fileno() if self._close_watch else -1

    def runner_may_have_died(self) -> bool:
        """Return whether the last process of some runner has ended since the previous call."""
        return self._close_watch is not None and self._close_watch.take()

    def clean_up_after(self, name: str) -> None:
        """Delete the lock file of a dead runner."""
        self._path(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Delete this runner's lock file and free the lock."""
        self.clean_up_after(self.name)
        os.close(self._file)
        if self._close_watch:
            self._close_watch.close()

    def _path(self, name: str) -> Path:
        return lock_path(self._folder, name)


class LeaseLiveness(Liveness):
    """Liveness by leases, for runners on many hosts. Only the database's clock decides."""

    def __init__(self, database: Database, lease_seconds: float):
        self._database = database
        self._lease_seconds = lease_seconds
        self._renewed_at = steady_now()
        self.name = new_runner_name()
        self.min_dead_ms = round(lease_seconds * 1000 * (1 - SAFE_SHARE))

    def register(
        self,
        slots: int,
        now: int,
        queues: Collection[str] | None = None,
        limits: WorkerLimits | None = None,
    ) -> None:
        """Insert the runner under a new name, with a new lease."""
        self.name = new_runner_name()
        self._renewed_at = steady_now()
        insert_runner(self._database, self.name, slots, now, self._lease_end(), queues, limits)

    def renew(self) -> None:
        """Extend the lease if a quarter of it has passed, or MAX_RENEW_SECONDS.

        Jobs are safe for two thirds of a lease. So a renewal may be late by more than a third of
        it, as when a transaction waits for locks.
        """
        started_at = steady_now()
        if started_at - self._renewed_at < min(self._lease_seconds / 4, MAX_RENEW_SECONDS):
            return
        renewed = {"lease_expires_at": self._lease_end(), "renewed_at": DATABASE_NOW}
        extension = RunnerRow.update(**renewed).where(
            RunnerRow.name == self.name, RunnerRow.lease_expires_at > DATABASE_NOW
        )
        if self._database.changed(extension):
            self._renewed_at = started_at

    def safe_until(self) -> float:
        """End of the safe share of the lease, counted from its last renewal."""
        return self._renewed_at + self._lease_seconds * SAFE_SHARE

    def is_dead(self, name: str) -> bool:
        """Return whether the runner's lease has ended. Locks the row of a living runner, so that a
        late renewal cannot interfere."""
        alive = RunnerRow.select(RunnerRow.name).where(
            RunnerRow.name == name, RunnerRow.lease_expires_at > DATABASE_NOW
        )
        return not self._database.rows(self._database.engine.lock(alive))

    def _lease_end(self) -> pw.Expression:
        return pw.Expression(DATABASE_NOW, "+", int(self._lease_seconds * 1000))
