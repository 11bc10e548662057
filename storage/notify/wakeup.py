"""Wake-ups between the programs: "something was committed, look at the store".

A wake-up may be lost or come for nothing. Whoever waits looks now and then by itself as well.

On SQLite, a unix datagram to each socket in a folder: `worker-….sock`, `listener-….sock`. (inotify
on the WAL fires before a commit is visible.) On PostgreSQL, `storage/notify/postgresql.py`.
"""

import contextlib
import os
import secrets
import select
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

WORKER = "worker"
LISTENER = "listener"
EVENTS = "events"
"""Woken with either of the others as well."""


class Waiter(Protocol):
    """One who waits for wake-ups of a topic."""

    def fileno(self) -> int:
        """A descriptor that is readable when woken; -1 while there is none."""

    def clear(self) -> None:
        """Forget the wake-ups so far."""

    def close(self) -> None:
        """Wait no more."""


class Wakeup(Protocol):
    """Sends wake-ups, and makes waiters for them."""

    def notify(self, topic: str) -> None:
        """Wake all waiters of a topic, and those of events; never raises. See also `waking`."""

    def notify_in_transaction(self, topics: Sequence[str]) -> None:
        """Wake those of many with the commit of the transaction that ends, if that can be done."""

    def notify_after_commit(self, topics: Sequence[str]) -> None:
        """Wake those of many now, after the commit, if they were not woken with it."""

    def waiter(self, topic: str) -> Waiter:
        """A new waiter. Raises OSError."""


def wait(waiter: Waiter, seconds: float) -> None:
    """Sleep until woken, or until the time is over."""
    poll = select.poll()  # select() ends at descriptor 1023, and many streams have more
    if waiter.fileno() >= 0:
        poll.register(waiter.fileno(), select.POLLIN)
    poll.poll(seconds * 1000)
    waiter.clear()


class SocketWakeup:
    """Wake-ups by datagrams within a folder that all programs share."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        # Paths below /proc/self/fd stay under the 108 bytes of a unix address, however deep.
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)

    def notify(self, topic: str) -> None:
        """Wake all waiters of a topic; a socket of a dead one is removed. Who has no descriptor
        left to read the folder by wakes nobody."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._descriptor):
                if name.startswith((f"{topic}-", f"{EVENTS}-")):
                    self._send(name)

    def notify_in_transaction(self, topics: Sequence[str]) -> None:
        """Nothing: who is woken looks at once, and would not find the change."""

    def notify_after_commit(self, topics: Sequence[str]) -> None:
        """Wake all waiters of these topics."""
        for topic in dict.fromkeys(topics):
            self.notify(topic)

    def waiter(self, topic: str) -> "SocketWaiter":
        """A new waiter, with a socket of its own in the folder."""
        return SocketWaiter(self._descriptor, f"{topic}-{secrets.token_hex(8)}.sock")

    def close(self) -> None:
        """Free the descriptors."""
        self._sender.close()
        os.close(self._descriptor)

    def _send(self, name: str) -> None:
        try:
            self._sender.sendto(b"w", _address(self._descriptor, name))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._descriptor)
        except OSError:
            pass  # a full one is awake already; one that has just gone needs nothing


class SocketWaiter:
    """A socket in the shared folder."""

    def __init__(self, folder: int, name: str):
        """Raises OSError."""
        self._name = name
        with contextlib.ExitStack() as held:
            self._folder = os.dup(folder)
            held.callback(os.close, self._folder)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            held.callback(self._socket.close)
            self._socket.setblocking(False)
            self._socket.bind(_address(self._folder, name))
            held.pop_all()

    def fileno(self) -> int:
        """The socket."""
        return self._socket.fileno()

    def clear(self) -> None:
        """Take all datagrams that have come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def close(self) -> None:
        """Remove the socket."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)


def has_waiters(folder: Path) -> bool:
    """Whether a program waits for wake-ups in this folder."""
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
