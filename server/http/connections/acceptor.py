"""Accepts connections up to a maximum, and closes idle and slow ones.

    socket ──accept──▶ Connection
                           ▲
                check, every half second: connections of slow clients are closed

If the maximum is reached, or the process has no file descriptor left, the connection that has been
idle for longest is closed to make room. If none is idle, the acceptor pauses until a connection
closes; new clients wait in the kernel's backlog meanwhile.
"""

import asyncio
import logging
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from server.http.connections.connection import ClientDelay, ClientPace, Connection

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
CALM_SECONDS = 5.0
"""Time without a lack of room after which the log says that there is room again."""
FINISH_CHECK_SECONDS = 0.02
ACCEPT_BATCH = 128
"""Connections accepted in one event loop callback."""
RESERVED_FILES = 128
"""File descriptors kept for the database, its threads and the program itself."""
MIN_CONNECTIONS = 8


def default_max_connections() -> int:
    """The connections that the limit of open files allows, with one more file for each client."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(MIN_CONNECTIONS, (soft - RESERVED_FILES) // 2)


@dataclass(frozen=True)
class Traffic:
    """The connections of a listener: how many are open, and the bytes of all so far."""

    connections: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0


OpenConnection = Callable[[socket.socket, Any, Callable[[Connection], None]], Connection]
"""Starts serving a client: takes its socket, its address, and a callback for the close."""


class Acceptor:
    """Accepts clients on listening sockets, with at most `max_connections` at a time.

    Must be created inside a running event loop.
    """

    def __init__(
        self,
        open_connection: OpenConnection,
        sockets: Sequence[socket.socket],
        max_connections: int,
        pace: ClientPace,
    ):
        self._open_connection = open_connection
        self._sockets = sockets
        self._max_connections = max_connections
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._open: set[Connection] = set()
        self._received = self._sent = 0
        """Bytes of closed connections."""
        self._idle: list[Connection] = []
        """Idle connections as of the last check, the one that is idle for longest at the end."""
        self._paused = True
        self._shut = False
        self._full_at: float | None = None
        """When there was last no room; None once the log has said that there is room again."""
        self._checked_at = time.monotonic()
        self._next_check = self._loop.call_later(CHECK_SECONDS, self._check)
        self._resume()

    def close(self) -> None:
        """Stop accepting, and close the listening sockets. Open connections stay open.

        Clients in the backlog count as connected and may have sent a request, so they are accepted.
        """
        for listening in self._sockets:
            self._accept(listening)
        self._shut = True
        self._pause()
        self._next_check.cancel()
        for listening in self._sockets:
            listening.close()

    def traffic(self) -> Traffic:
        """Return the present figures."""
        received = self._received + sum(each.bytes_received for each in self._open)
        sent = self._sent + sum(each.bytes_sent for each in self._open)
        return Traffic(len(self._open), received, sent)

    async def finish_connections(self, idle_seconds: float, seconds: float) -> None:
        """Wait up to `seconds` until all connections are closed.

        Idle ones get `idle_seconds`, in which their clients may send a last request or hear that
        they are to close. Then they are closed.
        """
        began_at = time.monotonic()
        while self._open and (waited := time.monotonic() - began_at) < seconds:
            if waited >= idle_seconds:
                for connection in [each for each in self._open if each.is_idle()]:
                    connection.close()
            await asyncio.sleep(FINISH_CHECK_SECONDS)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPT_BATCH):
            full = len(self._open) >= self._max_connections
            if full and not self._make_room("as many connections are open as may be"):
                return
            try:
                client, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # EMFILE, for example; it lasts until a file is closed
                if not self._make_room(error.strerror or "accept failed"):
                    return
                continue
            self._open.add(self._open_connection(client, address, self._closed))
            if full:
                return  # do not make room for another client before one is known to be there

    def _closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._received += connection.bytes_received
        self._sent += connection.bytes_sent
        self._resume()

    def _make_room(self, reason: str) -> bool:
        """Close the connection that is idle for longest. If there is none, pause, return False."""
        if self._full_at is None:
            extra = {"reason": reason, "connections": len(self._open)}
            log.warning("no room for more connections, idle ones are closed", extra=extra)
        self._full_at = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.head_wait_seconds and not connection.closed():
                connection.close_slow(ClientDelay.IDLE)
                return True
        self._pause()
        return False

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            for listening in self._sockets:
                self._loop.remove_reader(listening.fileno())

    def _resume(self) -> None:
        if self._paused and not self._shut:
            self._paused = False
            for listening in self._sockets:
                self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _check(self) -> None:
        now = time.monotonic()
        # If this process was paused, clients are charged for two check intervals at most.
        seconds, self._checked_at = min(now - self._checked_at, 2 * CHECK_SECONDS), now
        delays: Counter[ClientDelay] = Counter()
        for connection in list(self._open):
            if delay := connection.check_pace(seconds, self._pace):
                connection.close_slow(delay)
                delays[delay] += 1
        for delay, connections in delays.items():
            level = logging.DEBUG if delay == ClientDelay.IDLE else logging.INFO
            extra = {"connections": connections, "late_with": str(delay)}
            log.log(level, "connections of slow clients were closed", extra=extra)
        idle = [each for each in self._open if each.head_wait_seconds >= CHECK_SECONDS]
        self._idle = sorted(idle, key=lambda each: each.head_wait_seconds)
        if self._full_at is not None and now - self._full_at > CALM_SECONDS:
            self._full_at = None
            log.info("there is room for connections again")
        self._next_check = self._loop.call_later(CHECK_SECONDS, self._check)
        self._resume()
