"""Wake-ups between the programs: a hint that a change was committed.

A wake-up may be lost, or come without a change. Waiters therefore also read the store at regular
intervals.

With SQLite, a wake-up is a unix datagram to each socket in a shared folder, named `worker-….sock`
or `listener-….sock`. (inotify on the WAL would fire before a commit is visible.) With PostgreSQL,
it is a NOTIFY; see storage/notify/postgresql.py.
"""

import contextlib
import os
import secrets
import select
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

WORKER = "worker"
LISTENER = "listener"
EVENTS = "events"
"""Waiters of this topic are also woken by each of the other topics."""
_SETTLED_NS = 1_000_000_000
"""Age of a folder's last change from which a listing is kept: until then, another change could have
the same time."""


class Waiter(Protocol):
    """Waits for the wake-ups of one topic."""

    def fileno(self) -> int:
        """Descriptor that is readable after a wake-up; -1 while there is none."""

    def clear(self) -> None:
        """Discard the wake-ups so far."""

    def close(self) -> None:
        """Stop waiting."""


class Wakeup(Protocol):
    """Sends wake-ups and creates waiters."""

    def notify(self, topic: str) -> None:
        """Wake all waiters of a topic, and all waiters of `events`. Never raises. Within
        transactions, use `notifying_transaction`."""

    def notify_in_transaction(self, topics: Sequence[str]) -> None:
        """Send wake-ups for these topics as part of the ending transaction, if the database can."""

    def notify_after_commit(self, topics: Sequence[str]) -> None:
        """Send wake-ups for these topics now, if `notify_in_transaction` could not."""

    def waiter(self, topic: str) -> Waiter:
        """Return a new waiter. Raises OSError."""


def wait(waiter: Waiter, seconds: float) -> None:
    """Sleep until a wake-up or the timeout, then discard the wake-ups."""
    poll = select.poll()  # select() cannot handle descriptors above 1023
    if waiter.fileno() >= 0:
        poll.register(waiter.fileno(), select.POLLIN)
    poll.poll(seconds * 1000)
    waiter.clear()


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
        """Wake all waiters of a topic, and remove the sockets of dead waiters. If this process is
        out of file descriptors, no waiter is woken."""
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
    """A socket in the shared folder."""

    def __init__(self, folder: int, name: str):
        """Bind the socket. Raises OSError."""
        self._name = name
        with contextlib.ExitStack() as resources:
            self._folder = os.dup(folder)
            resources.callback(os.close, self._folder)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            resources.callback(self._socket.close)
            self._socket.setblocking(False)
            self._socket.bind(_address(self._folder, name))
            resources.pop_all()

    def fileno(self) -> int:
        """The socket."""
        return self._socket.fileno()

    def clear(self) -> None:
        """Consume all datagrams that have arrived."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def close(self) -> None:
        """Close and remove the socket."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)


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
