"""Two listeners and two workers on one store. Another release can replace each of them."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.system.releases.previous import Release

START_SECONDS = 60.0
STOP_SECONDS = 40.0
HOST = "127.0.0.1"
DIE_WITH_THE_RUN = ("setpriv", "--pdeathsig=KILL", "--")


@dataclass
class Running:
    """A program of a release that runs."""

    release: Release
    process: "subprocess.Popen[bytes]"
    log: Path

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the complete lines of its log so far."""
        complete, _, _ = self.log.read_text().rpartition("\n")
        for line in complete.splitlines():
            if line.startswith("{"):
                yield json.loads(line)


class Fleet:
    """Listeners by their ports, workers by their numbers. All begin with one release."""

    def __init__(self, folder: Path, database_url: str, release: Release):
        self._folder = folder
        self._started = 0
        self.settings = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": database_url}
        self.ports = [free_port(), free_port()]
        self.complaints: list[str] = []
        self.programs: dict[str, Running] = {}
        self.start(release)

    @property
    def names(self) -> list[str]:
        """The places of programs."""
        return [*(f"server {port}" for port in self.ports), "runner 0", "runner 1"]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses of the listeners."""
        return [(HOST, port) for port in self.ports]

    def start(self, release: Release) -> None:
        """Start all programs."""
        for name in self.names:
            self._start(name, release)

    def replace(self, name: str, release: Release) -> None:
        """Replace a program: a listener after its end, since it has the port, a worker before."""
        old = self.programs[name]
        if name.startswith("server"):
            self._stop(name, old)
            self._start(name, release)
        else:
            self._start(name, release)
            self._stop(name, old)

    def stop(self) -> None:
        """Stop all programs."""
        for name, program in self.programs.items():
            self._stop(name, program)

    def kill(self) -> None:
        """End all programs that are left, at once."""
        for program in self.programs.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.process.pid, signal.SIGKILL)

    def _start(self, name: str, release: Release) -> None:
        module, _, port = name.partition(" ")
        self._started += 1
        log = self._folder / f"{self._started:03}-{module}-{release.name.partition(' ')[0]}.log"
        environ = {
            **os.environ,
            **self.settings,
            "HOST": HOST,
            "PORT": port,
            "LOG_FORMAT": "json",
            "CONCURRENCY_LIMIT": "3",
            "DRAIN_SECONDS": "20",
            "JOB_TYPES_FOLDER": "",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*DIE_WITH_THE_RUN, str(release.python), "-m", module],
                cwd=release.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        program = Running(release, process, log)
        self.programs[name] = program
        ready = "listening" if module == "server" else "ready"
        wait_for(lambda: self._has_started(program, ready), START_SECONDS)
        if module == "server":
            wait_for(lambda: _is_ready(int(port)), START_SECONDS)

    def _has_started(self, program: Running, message: str) -> bool:
        if program.process.poll() is not None:
            raise RuntimeError(f"{program.release.name} does not start: {program.log.read_text()}")
        return any(line["message"] == message for line in program.lines())

    def _stop(self, name: str, program: Running) -> None:
        program.process.send_signal(signal.SIGTERM)
        try:
            code = program.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.complaints.append(f"{name} of {program.release.name} does not stop")
            os.killpg(program.process.pid, signal.SIGKILL)
            return
        if code:
            self.complaints.append(f"{name} of {program.release.name} has ended with {code}")
        for line in program.lines():
            if line.get("levelname", line.get("level")) in ("ERROR", "CRITICAL"):
                self.complaints.append(
                    f"{name} of {program.release.name}: {json.dumps(line)[:500]}"
                )


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        time.sleep(0.05)
        return False
    finally:
        connection.close()
