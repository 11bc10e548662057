"""Wake-ups between the programs: a hint that a change was committed.

A wake-up may be lost, or come without a change. Waiters therefore also read the store at regular
intervals.

With SQLite, a wake-up is a unix datagram to each socket in a shared folder, named `worker-….sock`
or `listener-….sock`. (inotify on the WAL would fire before a commit is visible.)

With PostgreSQL, a wake-up is a NOTIFY. The triggers that write events notify the topic `events`
themselves. LISTEN needs a session of its own, which a pooler in transaction mode does not provide,
so waiters can use another address than everything else (LISTEN_URL).
"""

import contextlib
import os
import secrets
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage.db.database import Database
from storage.records.job import PASSING, StoreError

WORKER = "worker"
LISTENER = "listener"
EVENTS = "events"
"""Waiters of this topic are also woken by each of the other topics."""
_SETTLED_NS = 1_000_000_000
"""Age of a folder's last change from which a listing is kept: until then, another change could have
the same time."""


class SocketWakeup:
    """Sends wake-ups as datagrams to sockets in a folder that all programs share."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        # A unix address has at most 108 bytes, so sockets are addressed below /proc/self/fd.
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._listing: tuple[int, list[str]] | None = None
        """The time of the folder's last change, and the names in it."""

    def notify(self, topic: str) -> None:
        """Wake all waiters of a topic, and all of `events`. Never raises.

        Removes the sockets of dead waiters. If this process is out of file descriptors, no waiter
        is woken.
        """
        with contextlib.suppress(OSError):
            for name in self._names():
                if name.startswith((f"{topic}-", f"{EVENTS}-")):
                    self._send(name)

    def notify_in_transaction(self, topics: Sequence[str]) -> None:
        """Do nothing: a waiter reads the store at once, and the change is not visible until the
        commit."""

    def notify_after_commit(self, topics: Sequence[str]) -> None:
        """Wake all waiters of these topics."""
        for topic in dict.fromkeys(topics):
            self.notify(topic)

    def waiter(self, topic: str) -> "SocketWaiter":
        """Return a new waiter, with a socket of its own in the folder. Raises OSError."""
        return SocketWaiter(self._descriptor, f"{topic}-{secrets.token_hex(8)}.sock")

    def close(self) -> None:
        """Close the descriptors."""
        self._sender.close()
        os.close(self._descriptor)

    def _names(self) -> list[str]:
        """Return the names in the folder. Lists it only if it has changed."""
        listing, now = self._listing, time.time_ns()
        changed_at = os.fstat(self._descriptor).st_mtime_ns
        if listing is not None and listing[0] == changed_at:
            return listing[1]
        names = os.listdir(self._descriptor)
        self._listing = (changed_at, names) if now - changed_at > _SETTLED_NS else None
        return names

    def _send(self, name: str) -> None:
        try:
            self._sender.sendto(b"w", _address(self._descriptor, name))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._descriptor)
        except OSError:
            pass  # a full socket has wake-ups pending already; a missing one has just closed


class SocketWaiter:
    """A socket in the shared folder. If the disk has no room for it, `clear` tries again."""

    def __init__(self, folder: int, name: str):
        """Bind the socket. Raises OSError, but not for a disk that is full or fails."""
        self._name = name
        with contextlib.ExitStack() as resources:
            self._folder = os.dup(folder)
            resources.callback(os.close, self._folder)
            self._open()
            resources.callback(lambda: self._socket.close())
            self._bind()
            resources.pop_all()

    def _open(self) -> None:
        self._is_bound = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def _bind(self) -> None:
        # /proc/net/unix shows to jobs what a socket was bound to. They could flood it.
        bound_to = f"{secrets.token_hex(8)}.new"
        try:
            self._socket.bind(_address(self._folder, bound_to))
            os.rename(bound_to, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._is_bound = True
        except OSError as error:
            if error.errno not in PASSING:
                raise
            self._socket.close()
            self._open()

    def fileno(self) -> int:
        """The socket; -1 while there is no room for it."""
        return self._socket.fileno() if self._is_bound else -1

    def clear(self) -> None:
        """Consume all datagrams that have arrived."""
        if not self._is_bound:
            self._bind()
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def close(self) -> None:
        """Close and remove the socket."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)


class PostgresWakeup:
    """Sends wake-ups by NOTIFY. `listening` is the database that waiters connect to."""

    def __init__(self, database: Database, listening: Database):
        self._database = database
        self._listening = listening

    def notify(self, topic: str) -> None:
        """Wake all waiters of a topic, and all of `events`, on all hosts. Never raises."""
        with contextlib.suppress(StoreError), self._database.transaction():
            self.notify_in_transaction([topic])

    def notify_in_transaction(self, topics: Sequence[str]) -> None:
        """Queue NOTIFY for these topics in the current transaction. Raises StoreError."""
        for topic in dict.fromkeys(topics):
            if topic != EVENTS:
                self._database.engine.defer("SELECT pg_notify(%s, '')", (_channel(topic),))

    def notify_after_commit(self, topics: Sequence[str]) -> None:
        """Do nothing: the commit has sent the notifications."""

    def waiter(self, topic: str) -> "PostgresWaiter":
        """Return a new waiter, with a connection of its own."""
        return PostgresWaiter(self._listening, topic)

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


class PostgresWaiter:
    """A connection that listens to a topic. If it is lost, the next `clear` reconnects."""

    def __init__(self, database: Database, topic: str):
        import psycopg  # not at the top: programs on SQLite do not load it

        self._database = database
        self._topic = topic
        self._error = psycopg.Error
        self._connection: Any = None
        self.clear()

    def fileno(self) -> int:
        """The connection's socket; -1 while it is lost."""
        return int(self._connection.fileno()) if self._connection else -1

    def clear(self) -> None:
        """Consume all notifications that have arrived."""
        try:
            if self._connection is None:
                self._connection = self._database.raw_connection()
                self._connection.execute(f"LISTEN {_channel(self._topic)}")
            for _ in self._connection.notifies(timeout=0):
                pass
        except self._error:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


Wakeup = SocketWakeup | PostgresWakeup
Waiter = SocketWaiter | PostgresWaiter


@contextmanager
def notifying_transaction(wakeup: Wakeup, database: Database, *topics: str) -> Iterator[list[str]]:
    """Run a transaction, then wake all waiters of the given topics.

    The block may append topics to the list it gets. A failed transaction sends no wake-ups. Raises
    the errors of `Database.transaction`.
    """
    all_topics = list(topics)
    with database.transaction(lambda: wakeup.notify_in_transaction(all_topics)):
        yield all_topics
    wakeup.notify_after_commit(all_topics)


def wait(waiter: Waiter, seconds: float) -> None:
    """Sleep until a wake-up or the timeout, then discard the wake-ups."""
    poll = select.poll()  # select() cannot handle descriptors above 1023
    if waiter.fileno() >= 0:
        poll.register(waiter.fileno(), select.POLLIN)
    poll.poll(seconds * 1000)
    waiter.clear()


def has_waiters(folder: Path) -> bool:
    """Return whether a living program waits for wake-ups in this folder."""
    if not folder.is_dir():
        return False
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return any(_is_bound(descriptor, name) for name in os.listdir(descriptor))
    finally:
        os.close(descriptor)


def _is_bound(folder: int, name: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.connect(_address(folder, name))
        except OSError:
            return False
        return True


def _address(folder: int, name: str) -> str:
    return f"/proc/self/fd/{folder}/{name}"


def _channel(topic: str) -> str:
    return f"job_service_{topic}"
