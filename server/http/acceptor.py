"""Lets clients in: as many as there is room for, and none that keep their place for nothing.

    socket ──accept──▶ Connection
                           ▲
                look, every half a second: who is late, is ended

Where all places are taken, or all file descriptors, those that wait for a request for longest give
theirs up. If there are none, nobody is let in until a place is free: the kernel keeps those who
come meanwhile.
"""

import asyncio
import logging
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from server.http.client_pace import ClientDelay, ClientPace
from server.http.connection import Connection

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
CALM_SECONDS = 5.0
"""So long nobody has to wait, until it is said that there is room again."""
AT_ONCE = 128
"""Connections that are taken before anything else gets its turn."""
RESERVE = 128
"""Files that are not clients': of the database, of the threads that use it, of the program."""
LEAST = 8


def most_connections() -> int:
    """What the limit of open files lets be; each client may have a file open as well."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(LEAST, (soft - RESERVE) // 2)


Begin = Callable[[socket.socket, Any, Callable[[Connection], None]], Connection]
"""Makes the connection of a client at an address, which tells of its end."""


class Acceptor:
    """Accepts on listening sockets; `most` connections may be open."""

    def __init__(self, begin: Begin, sockets: Sequence[socket.socket], most: int, pace: ClientPace):
        self._begin = begin
        self._sockets = sockets
        self._most = most
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._open: set[Connection] = set()
        self._waiting: list[Connection] = []
        """Those that could give up their places, the one that has waited longest at the end."""
        self._paused = True
        self._shut = False
        self._crowded_at: float | None = None
        self._looked_at = time.monotonic()
        self._look_later()
        self._resume()

    def close(self) -> None:
        """Let nobody in any more."""
        self._shut = True
        self._pause()
        self._next_look.cancel()
        for each in self._sockets:
            each.close()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            crowded = len(self._open) >= self._most
            if crowded and not self._make_room("as many connections are open as may be"):
                return
            try:
                client, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # EMFILE, say, which is so until something is closed
                if not self._make_room(error.strerror or "accept failed"):
                    return
                continue
            self._open.add(self._begin(client, address, self._closed))
            if crowded:
                return  # there may be no other one, for whom room would be made

    def _closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._resume()

    def _make_room(self, reason: str) -> bool:
        """End the connection that is idle for longest; if there is none, pause."""
        if self._crowded_at is None:
            extra = {"reason": reason, "connections": len(self._open)}
            log.warning("no room for more connections, idle ones are closed", extra=extra)
        self._crowded_at = time.monotonic()
        while self._waiting:
            connection = self._waiting.pop()
            if connection.waited and not connection.closed():
                connection.end(ClientDelay.IDLE)
                return True
        self._pause()
        return False

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            for each in self._sockets:
                self._loop.remove_reader(each.fileno())

    def _resume(self) -> None:
        if self._paused and not self._shut:
            self._paused = False
            for each in self._sockets:
                self._loop.add_reader(each.fileno(), self._accept, each)

    def _look_later(self) -> None:
        self._next_look = self._loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        now = time.monotonic()
        # Of a pause of our own, clients are not to blame for more than one look.
        seconds, self._looked_at = min(now - self._looked_at, 2 * LOOK_SECONDS), now
        late = Counter(filter(None, [self._judge(each, seconds) for each in list(self._open)]))
        for what in late:
            level = logging.DEBUG if what == ClientDelay.IDLE else logging.INFO
            extra = {"connections": late[what], "late_with": str(what)}
            log.log(level, "connections of slow clients were closed", extra=extra)
        waiting = [each for each in self._open if each.waited >= LOOK_SECONDS]
        self._waiting = sorted(waiting, key=lambda each: each.waited)
        if self._crowded_at is not None and now - self._crowded_at > CALM_SECONDS:
            self._crowded_at = None
            log.info("there is room for connections again")
        self._look_later()
        self._resume()

    def _judge(self, connection: Connection, seconds: float) -> ClientDelay | None:
        late = connection.look(seconds, self._pace)
        if late:
            connection.end(late)
        return late
