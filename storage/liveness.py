"""Which runners live, and the proof that one is dead.

On one host no clock decides that. A runner holds an flock on its own file, and all processes
below it hold it too: a free lock proves, by the kernel, that the whole tree is gone. That also
works between containers that share the volume. On PostgreSQL, with runners on many hosts, a
lease by the database's clock decides; a runner that could not renew it in time kills its own
jobs before it ends.
"""

import fcntl
import os
import secrets
import socket
import time
from pathlib import Path
from typing import Any, Protocol

import peewee as pw

from storage.database import Database
from storage.models import RunnerRow

DATABASE_NOW = pw.SQL("(extract(epoch FROM clock_timestamp()) * 1000)::bigint")


class Liveness(Protocol):
    """A runner's own life, and a look at that of others."""

    name: str
    descriptors: tuple[int, ...]
    """To be held by all processes of the runner."""

    def register(self, slots: int, now: int) -> None:
        """Make the runner known, under a new name."""

    def renew(self) -> None:
        """Say that the runner lives; to be called a few times in each lease."""

    def doubtful(self) -> bool:
        """Whether others may soon take the runner for dead: time to kill its jobs."""

    def is_dead(self, name: str) -> bool:
        """Whether another runner is proved dead; inside a transaction, which keeps it so."""

    def bury(self, name: str) -> None:
        """Clear away what is left of a dead runner, after its jobs were rescued."""

    def close(self) -> None:
        """Clear away what is left of this one."""


def new_name() -> str:
    """A name for a runner, unique for each start."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    return f"{socket.gethostname()}-{os.getpid()}-{boot}-{secrets.token_hex(3)}"


def insert_runner(database: Database, name: str, slots: int, now: int, lease: Any) -> None:
    """Make a runner known to all."""
    row = RunnerRow.insert(name=name, slots=slots, started_at=now, lease_expires_at=lease)
    database.run(row.on_conflict_ignore())  # after a doubtful commit it may be there already


class FileLiveness:
    """Liveness by flock, for runners on one kernel."""

    def __init__(self, database: Database, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._database = database
        self._folder = folder
        self.name = new_name()
        # Never closed by hand elsewhere: with the last copy of this descriptor ends the lock.
        self._file = os.open(self._path(self.name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.descriptors: tuple[int, ...] = (self._file,)

    def register(self, slots: int, now: int) -> None:
        """Make the runner known; its lock is held already."""
        insert_runner(self._database, self.name, slots, now, None)

    def renew(self) -> None:
        """Nothing to do: the kernel knows."""

    def doubtful(self) -> bool:
        """Never: the kernel does not forget a lock."""
        return False

    def is_dead(self, name: str) -> bool:
        """Whether the lock is free. A missing file is that of a runner that ended in order."""
        try:
            file = os.open(self._path(name), os.O_RDONLY)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
        return True

    def bury(self, name: str) -> None:
        """Remove the file of a dead runner."""
        self._path(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the own file and free the lock."""
        self.bury(self.name)
        os.close(self._file)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"


class LeaseLiveness:
    """Liveness by leases, for runners on many hosts; only the database's clock counts."""

    def __init__(self, database: Database, lease_seconds: float):
        self._database = database
        self._lease_seconds = lease_seconds
        self._renewed_at = time.monotonic()
        self.name = new_name()
        self.descriptors: tuple[int, ...] = ()

    def register(self, slots: int, now: int) -> None:
        """Make the runner known under a new name, with a lease."""
        self.name = new_name()
        self._renewed_at = time.monotonic()
        insert_runner(self._database, self.name, slots, now, self._lease_end())

    def renew(self) -> None:
        """Extend the lease, once a third of it has passed."""
        asked_at = time.monotonic()
        if asked_at - self._renewed_at < self._lease_seconds / 3:
            return
        mine = RunnerRow.update(lease_expires_at=self._lease_end()).where(
            RunnerRow.name == self.name, RunnerRow.lease_expires_at > DATABASE_NOW
        )
        if self._database.changed(mine):
            self._renewed_at = asked_at

    def doubtful(self) -> bool:
        """Whether two thirds of the lease have passed without renewal, by a steady clock."""
        return time.monotonic() - self._renewed_at > self._lease_seconds * 2 / 3

    def is_dead(self, name: str) -> bool:
        """Whether the lease has ended; the lock on its row keeps a late renewal out."""
        alive: Any = RunnerRow.select(RunnerRow.name).where(
            RunnerRow.name == name, RunnerRow.lease_expires_at > DATABASE_NOW
        )
        return not self._database.rows(alive.for_update("FOR UPDATE"))

    def bury(self, name: str) -> None:
        """Nothing is left but the row, which goes with the rescue."""

    def close(self) -> None:
        """Nothing is left but the row, which goes with the deregistration."""

    def _lease_end(self) -> Any:
        return pw.Expression(DATABASE_NOW, "+", int(self._lease_seconds * 1000))
