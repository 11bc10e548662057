"""Which runners live, and the proof that one is dead.

On one host no clock decides that. A runner holds an flock on its own file, and all processes
below it hold it too: a free lock proves, by the kernel, that the whole tree is gone. That also
works between containers that share the volume. On PostgreSQL, with runners on many hosts, a
lease by the database's clock decides; a runner that could not renew it in time kills its own
jobs before it ends.
"""

import fcntl
import math
import os
import secrets
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

import peewee as pw

from storage.db.clock import DATABASE_NOW, steady_now
from storage.db.database import Database
from storage.db.models import RunnerRow
from storage.files import close_watch as closings
from storage.liveness.runners import is_lock_free, lock_path

SAFE_SHARE = 2 / 3
"""For how much of a lease jobs may run after its renewal; the rest is for killing them."""


class Liveness(Protocol):
    """A runner's own life, and a look at that of others."""

    name: str
    descriptors: tuple[int, ...]
    """To be held by all processes of the runner."""
    min_dead_ms: int
    """How long the jobs of a runner have been dead at least, when it is proved dead."""

    def register(self, slots: int, now: int, queues: Collection[str] | None = None) -> None:
        """Make the runner known, under a new name, and the queues it takes; None: all."""

    def renew(self) -> None:
        """Say that the runner lives; to be called a few times in each lease."""

    def safe_until(self) -> float:
        """Up to when others surely take the runner for alive, if it is not renewed before.

        By `clock.steady_now`: its jobs have to be dead by then.
        """

    def is_dead(self, name: str) -> bool:
        """Whether another runner is proved dead; inside a transaction, which keeps it so."""

    def fileno(self) -> int:
        """Readable when another runner may have died; -1 where nothing tells."""

    def runner_may_have_died(self) -> bool:
        """Whether it was readable; then it no longer is."""

    def clean_up_after(self, name: str) -> None:
        """Clear away what is left of a dead runner, after its jobs were rescued."""

    def close(self) -> None:
        """Clear away what is left of this one."""


def new_runner_name() -> str:
    """A name for a runner, unique for each start."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    return f"{socket.gethostname()}-{os.getpid()}-{boot}-{secrets.token_hex(3)}"


def insert_runner(
    database: Database,
    name: str,
    slots: int,
    now: int,
    lease: Any,
    queues: Collection[str] | None,
) -> None:
    """Make a runner known to all."""
    names = None if queues is None else ",".join(sorted(queues))
    row = RunnerRow.insert(
        name=name, slots=slots, started_at=now, lease_expires_at=lease, queues=names
    )
    database.run(row.on_conflict_ignore())  # after a doubtful commit it may be there already


class FileLiveness:
    """Liveness by flock, for runners on one kernel."""

    def __init__(self, database: Database, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._database = database
        self._folder = folder
        self.name = new_runner_name()
        # Never closed by hand elsewhere: with the last copy of this descriptor ends the lock.
        self._file = os.open(self._path(self.name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.descriptors: tuple[int, ...] = (self._file,)
        self.min_dead_ms = 0
        self._close_watch = closings.watch(folder)

    def register(self, slots: int, now: int, queues: Collection[str] | None = None) -> None:
        """Make the runner known; its lock is held already."""
        insert_runner(self._database, self.name, slots, now, None, queues)

    def renew(self) -> None:
        """Nothing to do: the kernel knows."""

    def safe_until(self) -> float:
        """For ever: the kernel does not forget a lock."""
        return math.inf

    def is_dead(self, name: str) -> bool:
        """Whether the lock is free."""
        return is_lock_free(self._path(name))

    def fileno(self) -> int:
        """Readable when the last process of a runner has ended."""
        return self._close_watch.fileno() if self._close_watch else -1

    def runner_may_have_died(self) -> bool:
        """Whether the last process of a runner has ended since this was last asked."""
        return self._close_watch is not None and self._close_watch.take()

    def clean_up_after(self, name: str) -> None:
        """Remove the file of a dead runner."""
        self._path(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the own file and free the lock."""
        self.clean_up_after(self.name)
        os.close(self._file)
        if self._close_watch:
            self._close_watch.close()

    def _path(self, name: str) -> Path:
        return lock_path(self._folder, name)


class LeaseLiveness:
    """Liveness by leases, for runners on many hosts; only the database's clock counts."""

    def __init__(self, database: Database, lease_seconds: float):
        self._database = database
        self._lease_seconds = lease_seconds
        self._renewed_at = steady_now()
        self.name = new_runner_name()
        self.descriptors: tuple[int, ...] = ()
        self.min_dead_ms = round(lease_seconds * 1000 * (1 - SAFE_SHARE))

    def register(self, slots: int, now: int, queues: Collection[str] | None = None) -> None:
        """Make the runner known under a new name, with a lease."""
        self.name = new_runner_name()
        self._renewed_at = steady_now()
        insert_runner(self._database, self.name, slots, now, self._lease_end(), queues)

    def renew(self) -> None:
        """Extend the lease, once a quarter of it has passed: two thirds are safe, so it can be late
        by more than a third, as where a turn waits for locks."""
        asked_at = steady_now()
        if asked_at - self._renewed_at < self._lease_seconds / 4:
            return
        mine = RunnerRow.update(lease_expires_at=self._lease_end()).where(
            RunnerRow.name == self.name, RunnerRow.lease_expires_at > DATABASE_NOW
        )
        if self._database.changed(mine):
            self._renewed_at = asked_at

    def safe_until(self) -> float:
        """The safe share of the lease from its last renewal."""
        return self._renewed_at + self._lease_seconds * SAFE_SHARE

    def is_dead(self, name: str) -> bool:
        """Whether the lease has ended; the lock on its row keeps a late renewal out."""
        alive: Any = RunnerRow.select(RunnerRow.name).where(
            RunnerRow.name == name, RunnerRow.lease_expires_at > DATABASE_NOW
        )
        return not self._database.rows(alive.for_update("FOR UPDATE"))

    def fileno(self) -> int:
        """Nothing tells: only a query can find out."""
        return -1

    def runner_may_have_died(self) -> bool:
        """Never."""
        return False

    def clean_up_after(self, name: str) -> None:
        """Nothing is left but the row, which goes with the rescue."""

    def close(self) -> None:
        """Nothing is left but the row, which goes with the deregistration."""

    def _lease_end(self) -> Any:
        return pw.Expression(DATABASE_NOW, "+", int(self._lease_seconds * 1000))
