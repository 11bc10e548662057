"""Tells the program that started this one how it goes, by the protocol of sd_notify(3).

systemd reads it from units with `Type=notify`, and `python -m server --with-worker` from both of
its programs. Imports nothing of ours.
"""

import contextlib
import logging
import math
import os
import socket
import time
from collections.abc import Callable, MutableMapping

VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLES = ("WATCHDOG_USEC", "WATCHDOG_PID")
READY = "READY=1"
STATUS = "STATUS="
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"
EXTEND = "EXTEND_TIMEOUT_USEC="
ANNOUNCED = "START_IS_ANNOUNCED"
"""An environment variable: the program that started this one tells people when it is ready."""
STOP_MARGIN_SECONDS = 5.0
"""What a program may take to stop in addition to the time that it has announced."""


def start_level() -> int:
    """Return the level of log lines that say how the program has started.

    It is DEBUG if another program announces the start, because that says the same, else INFO.
    """
    return logging.DEBUG if os.environ.get(ANNOUNCED) else logging.INFO


class ServiceManager:
    """The program that started this one. Each message is dropped if it does not listen.

    Creating it removes the variables from `environ`: programs that this one starts later must not
    speak in its name.
    """

    def __init__(
        self,
        environ: MutableMapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._address = environ.pop(VARIABLE, "")
        period, pid = (environ.pop(name, "") for name in WATCHDOG_VARIABLES)
        is_watched = period.isdecimal() and pid in {"", str(os.getpid())}
        self._clock = clock
        self._is_ready = False
        self.is_watching = is_watched and bool(self._address)
        """Whether it ends this program if `alive` is not called in time."""
        self.alive_seconds = int(period) / 4e6 if self.is_watching else math.inf
        """How often to call `alive`: a quarter of WatchdogSec=."""
        self._next_alive_at = -math.inf

    def ready(self, status: str) -> None:
        """Send that this program is ready, and a line for people. Only the first call does so."""
        if not self._is_ready:
            self._is_ready = True
            self._send(READY, STATUS + status)

    def alive(self) -> None:
        """Send that this program does not hang, at most every `alive_seconds`."""
        if self.is_watching and (now := self._clock()) >= self._next_alive_at:
            self._next_alive_at = now + self.alive_seconds
            self._send(ALIVE)

    def stopping(self, status: str, seconds: float) -> None:
        """Send that this program stops, within `seconds`, and a line for people.

        systemd then waits for so long, even if TimeoutStopSec= is less.
        """
        microseconds = round((seconds + STOP_MARGIN_SECONDS) * 1e6)
        self._send(STOPPING, STATUS + status, f"{EXTEND}{microseconds}")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        address = self._address
        if address.startswith("@"):
            address = f"\0{address[1:]}"  # an abstract address, which is no file
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)  # a full queue must not hold up the program
            out.connect(address)
            out.send("\n".join(lines).encode())
