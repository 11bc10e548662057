"""The server and the runner as separate processes, for end-to-end tests."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.api import form
from tests.support.job_documents import loads
from tests.support.waiting import wait_for
from tests.support.warm_start import WarmProcess, start_warm

FINAL = ("succeeded", "failed", "canceled")
WITHOUT_NAMESPACES = {"runner.pool.linux.namespaces._OPEN_TREE": "-1"}
"""What makes a program run as on a kernel without mount namespaces: see `warm_start`."""


class Program:
    """A running `python -m server` or `python -m runner`, with its log in a file.

    `starter` is a command that executes the program at its end. With `warm`, the program is a fork
    of a process that has imported its modules, which takes a fifth of the time.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        environ: dict[str, str],
        starter: tuple[str, ...] = (),
        warm: bool = False,
    ):
        self.name = name
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"
        self.process = self._start(environ, starter, warm)
        self._family: list[psutil.Process] = []

    def _start(
        self, environ: dict[str, str], starter: tuple[str, ...], warm: bool
    ) -> subprocess.Popen[bytes] | WarmProcess:
        self.log.touch()
        process = start_warm(self.name, environ, str(self.log)) if warm else None
        if process:
            return process
        with self.log.open("w") as log:
            return subprocess.Popen(
                [*starter, sys.executable, "-m", self.name],
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def logged(self, message: str) -> dict[str, Any]:
        """Wait for a log line with this message, and return the first one."""

        def find() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log.read_text()
            return next((line for line in self.lines() if line["message"] == message), None)

        return wait_for(find, timeout=60)  # many programs may start at once

    def lines(self) -> list[dict[str, Any]]:
        """All complete log lines so far."""
        complete, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in complete.splitlines() if line[:1] == "{"]

    def family(self) -> list[psutil.Process]:
        """The program and all its child processes."""
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process.pid)
            self._family = [own, *own.children(recursive=True)]
        return self._family

    def die(self) -> float:
        """Kill all processes at once, as if the machine had died; return the monotonic time of
        death."""
        family = self.family()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stop all first: none sees another's death
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
        died_at = time.monotonic()
        self.process.wait()
        wait_for(lambda: not any(map(alive, family)), timeout=5)
        return died_at

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30) -> int:
        """Send a signal, wait for the end, and return the exit code. Fails if a process is left."""
        family = self.family()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout)
        wait_for(lambda: not any(map(alive, family)), timeout=5)
        return code


def alive(process: psutil.Process) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_open(process: psutil.Process, file: Path) -> bool:
    """Whether a process has this file open."""
    return str(file) in (opened.path for opened in process.open_files())


@dataclass
class Service:
    """A listener and workers on one store."""

    folder: Path
    environ: dict[str, str]
    listener: Program
    base_url: str
    token: str = ""
    """Token that the requests send."""

    def worker(self, **environ: str) -> Program:
        """Start another worker, and wait until it is ready to claim."""
        program = self.program("runner", **environ)
        program.logged("ready")
        return program

    def program(self, name: str, **environ: str) -> Program:
        """Start another program."""
        program = Program(name, self.folder, {**self.environ, **environ}, warm=True)
        _STARTED.append(program)
        return program

    def programs(self) -> list[Program]:
        """All programs that were started and not removed."""
        return list(_STARTED)

    def call(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """Send a request; return the status and the JSON of the response."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.base_url + path, body, method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def submit(self, type: str = "sleep", payload: Any = None, **options: Any) -> str:
        """Submit a job; return its id."""
        document = {"type": type, "payload": payload or {}, **options}
        status, answer = self.call("POST", "/jobs", document)
        assert status == 202, answer
        return str(answer["job_id"])

    def upload(self, content: bytes, payload: Any, type: str = "analyze", **options: Any) -> str:
        """Submit a job with a file; return its id."""
        parts = [("type", None, type.encode()), ("payload", None, json.dumps(payload).encode())]
        for name, value in options.items():
            text = value if isinstance(value, str) else json.dumps(value)
            parts.append((name, None, text.encode()))
        body, content_type = form([*parts, ("filename", "app.log", content)])
        request = urllib.request.Request(self.base_url + "/jobs", body, method="POST")
        request.add_header("Content-Type", content_type)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """The current state of a job."""
        status, job = self.call("GET", f"/jobs/{job_id}")
        assert status == 200, job
        assert isinstance(job, dict)
        return job

    def wait_for_status(self, job_id: str, *statuses: str, timeout: float = 20) -> dict[str, Any]:
        """Wait until a job has one of these statuses, and return it."""

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in statuses else None

        return wait_for(look, timeout)

    def result(self, job_id: str, timeout: float = 30) -> dict[str, Any]:
        """Wait until a job is final, and return it."""
        return self.wait_for_status(job_id, *FINAL, timeout=timeout)


_STARTED: list[Program] = []


@contextmanager
def running_service(database_url: str, folder: Path, **environ: str) -> Iterator[Service]:
    """Yield a service with a listener on a free port. Kills all its programs at the end."""
    environ = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": database_url,
        "PORT": "0",
        "HOST": "127.0.0.1",
        "DRAIN_SECONDS": "1",
        "JOB_TYPES": "runner.job_types,tests.support.job_types.behaviours",
        "JOB_WRITE_PATHS": str(folder),  # those job types leave notes there
        **environ,
    }
    listener = Program("server", folder, environ, warm=True)
    _STARTED.append(listener)
    try:
        port = listener.logged("listening")["port"]
        yield Service(folder, environ, listener, f"http://127.0.0.1:{port}")
    finally:
        while _STARTED:
            program = _STARTED.pop()
            if program.process.poll() is None:
                program.process.send_signal(signal.SIGCONT)
                program.stop(signal.SIGKILL)


def uuids(text: str) -> list[str]:
    """All job ids in a text."""
    return re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", text)
