"""Both programs as services of systemd: they tell how it goes, and take over its sockets.

The tests play systemd. `tests/system/systemd` runs the units with a real one.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import Program
from tests.support.waiting import wait_for

pytestmark = pytest.mark.sqlite

WATCHDOG_SECONDS = 20


class StartedService(Program):
    """A program that was started as systemd does it, with `sockets` from descriptor 3 on."""

    def __init__(self, name: str, folder: Path, *sockets: socket.socket, watched: bool = False):
        self.name, self._family = name, []
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind("")
        self.notices.settimeout(30)
        variables = {
            "NOTIFY_SOCKET": "@" + self.notices.getsockname()[1:].decode(),
            "DATA_DIR": str(folder),
            "PORT": "0",
        }
        moves = [f"exec {3 + i}<&{each.fileno()}" for i, each in enumerate(sockets)]
        program = [sys.executable, "-m", name]
        own = f"LISTEN_PID=$$ LISTEN_FDS={len(sockets)}" if sockets else ""
        if watched:
            own += f" WATCHDOG_PID=$$ WATCHDOG_USEC={WATCHDOG_SECONDS}000000"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", "; ".join([*moves, f'{own} exec "$@"']), "bash", *program],
                env={**os.environ, **variables},
                pass_fds=[each.fileno() for each in sockets],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for_notice(self, text: str) -> str:
        """Wait until the program tells this, and return the whole message."""
        while text not in (notice := self.notices.recv(4096).decode()):
            pass
        return notice

    def close(self) -> None:
        """End the program, if it still runs."""
        if self.process.poll() is None:
            self.stop()
        self.notices.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """The socket of systemd. It stays open while listeners come and go."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as opened:
        yield opened


class Clients:
    """Clients that call a listener again and again, each time by a new connection."""

    def __init__(self, port: int, count: int):
        self.answers = 0
        self.failures: list[str] = []
        self._url = f"http://127.0.0.1:{port}/healthz"
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        self._stop = threading.Event()
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with urllib.request.urlopen(self._url, timeout=30):
                    self.answers += 1
            except OSError as error:
                self.failures.append(repr(error))

    def stop(self) -> None:
        """Let all clients end."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.heavy
def test_a_restart_on_a_socket_of_systemd_refuses_no_connection(
    listening: socket.socket, tmp_path: Path
) -> None:
    port = listening.getsockname()[1]
    with contextlib.closing(StartedService("server", tmp_path, listening)) as first:
        first.wait_for_notice("READY=1")
        clients = Clients(port, count=4)
        try:
            wait_for(lambda: clients.answers >= 20, 30)
            assert first.stop() == 0
            seen = clients.answers
            with contextlib.closing(StartedService("server", tmp_path, listening)) as second:
                notice = second.wait_for_notice("READY=1")
                wait_for(lambda: clients.answers >= seen + 20, 30)
                clients.stop()
        finally:
            clients.stop()
    assert clients.failures == []
    assert f":{port}, data in " in notice


@pytest.mark.heavy
def test_a_socket_that_cannot_be_served_is_reported(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "service"))
        local.listen()
        with contextlib.closing(StartedService("server", tmp_path, local)) as listener:
            assert listener.process.wait(30) == 1
            text = listener.log.read_text()
    assert "does not listen on a TCP port: ListenStream= must be a port" in text
    assert not (tmp_path / "jobs.db").exists()


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["server", "runner"])
def test_a_program_tells_systemd_how_it_goes(name: str, tmp_path: Path) -> None:
    with contextlib.closing(StartedService(name, tmp_path, watched=True)) as program:
        assert "\nSTATUS=" in program.wait_for_notice("READY=1")
        program.wait_for_notice("WATCHDOG=1")
        program.process.send_signal(signal.SIGTERM)
        assert "\nEXTEND_TIMEOUT_USEC=" in program.wait_for_notice("STOPPING=1")
        assert program.process.wait(30) == 0


@pytest.mark.heavy
def test_a_listener_that_the_watchdog_ends_writes_the_stacks_of_its_threads(
    tmp_path: Path,
) -> None:
    with contextlib.closing(StartedService("server", tmp_path, watched=True)) as listener:
        listener.wait_for_notice("WATCHDOG=1")
        listener.process.send_signal(signal.SIGABRT)  # WatchdogSignal= of systemd
        assert listener.process.wait(30) == -signal.SIGABRT
    text = listener.log.read_text()
    assert "Fatal Python error: Aborted" in text
    assert "in serve" in text
