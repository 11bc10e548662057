"""A program tells systemd about its state, by the protocol of sd_notify(3)."""

import itertools
import math
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.telemetry.service_manager import VARIABLE, ServiceManager


@pytest.fixture
def notices() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind("")
        opened.setblocking(False)
        yield opened


def environ_for(notices: socket.socket, **more: str) -> dict[str, str]:
    return {VARIABLE: "@" + notices.getsockname()[1:].decode(), **more}


def received(notices: socket.socket) -> list[str]:
    """All messages that have arrived."""
    found = []
    while True:
        try:
            found.append(notices.recv(1000).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_a_program_tells_once_that_it_is_ready(kind: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind("" if kind == "abstract" else str(tmp_path / "notify"))
        notices.setblocking(False)
        name = notices.getsockname()
        environ = {VARIABLE: "@" + name[1:].decode() if kind == "abstract" else name}
        manager = ServiceManager(environ)
        manager.ready("3 slots")
        manager.ready("again")
        assert received(notices) == ["READY=1\nSTATUS=3 slots"]


def test_programs_that_this_one_starts_get_no_address(notices: socket.socket) -> None:
    environ = environ_for(notices, WATCHDOG_USEC="1000000", WATCHDOG_PID="1", PATH="/bin")
    ServiceManager(environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("address", ["", "/nothing/there", "@nobody-listens-here"])
def test_nobody_has_to_listen(address: str) -> None:
    manager = ServiceManager({VARIABLE: address, "WATCHDOG_USEC": "1000000"})
    manager.ready("3 slots")
    manager.alive()
    manager.stopping("", 0)


def test_a_watched_program_tells_four_times_per_period_that_it_is_alive(
    notices: socket.socket,
) -> None:
    seconds = itertools.count()
    environ = environ_for(notices, WATCHDOG_USEC="8000000", WATCHDOG_PID=str(os.getpid()))
    manager = ServiceManager(environ, lambda: float(next(seconds)))
    assert manager.alive_seconds == 2
    for _ in range(9):
        manager.alive()  # once per second
    assert received(notices) == ["WATCHDOG=1"] * 5


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "often"}],
    ids=["none", "of-another-process", "not-a-number"],
)
def test_a_program_without_a_watchdog_stays_silent(
    watchdog: dict[str, str], notices: socket.socket
) -> None:
    manager = ServiceManager(environ_for(notices, **watchdog))
    manager.alive()
    assert received(notices) == []
    assert (manager.is_watching, manager.alive_seconds) == (False, math.inf)


def test_a_program_that_stops_asks_for_the_time_that_it_needs(notices: socket.socket) -> None:
    ServiceManager(environ_for(notices)).stopping("running jobs end", 300)
    text = "STOPPING=1\nSTATUS=running jobs end\nEXTEND_TIMEOUT_USEC=305000000"
    assert received(notices) == [text]
