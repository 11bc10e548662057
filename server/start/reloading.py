"""Runs both programs for development, and replaces them whenever a job type changes:
`python -m server --with-worker --reload`.

    a file changes ──▶ next listener and worker start ──▶ each is ready: the last one ends
                                                     └──▶ one ends before that: the last one goes on

A new process loads all modules again, which is simpler than to forget some in a running one. Both
listeners share the port for a moment, so clients see no gap. A worker ends when its jobs have.
"""

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from server.start import shared_port
from server.start.with_worker import (
    DRAIN_SECONDS,
    MODULES,
    NOTICE_BYTES,
    announce,
    both_environ,
    notice_socket,
    own_terminal,
    start_program,
    wake_on_signals,
)
from storage.settings.stop_signals import StopSignals
from storage.telemetry.logs import is_json, set_up_logs
from storage.telemetry.service_manager import READY, STATUS

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often it looks for changed files."""
FOLDER = "job_types"
_FOREVER = "86400"

Snapshot = dict[str, tuple[int, int]]
"""The times of change and the sizes of files, by their paths."""


def run_reloading(signals: StopSignals) -> int:
    """Run both programs until a stop signal or until one of them ends. Returns the exit code."""
    set_up_logs("INFO", os.environ.get("LOG_FORMAT", "").strip() or "auto", "service")
    news = wake_on_signals()
    signals.exit_if_received()
    environ = both_environ(os.environ, Path(".env"), is_announced=not is_json())
    service = ReloadedService(environ)
    with own_terminal():
        while service.is_running:
            watched_for: list[int | socket.socket] = [news, *service.notices()]
            readable, _, _ = select.select(watched_for, [], [], LOOK_SECONDS)
            for program in service.programs():
                if program.notices in readable:
                    service.note(program)
            for number in os.read(news, 512) if news in readable else b"":
                if number == signal.SIGCHLD:
                    service.reap()
                else:
                    service.stop()
            service.look()
    return service.exit_code


@dataclass
class Program:
    """A listener or a worker that runs."""

    name: str
    process: subprocess.Popen[bytes]
    notices: socket.socket
    """Where it tells that it is ready."""
    status: str | None = None
    """What it told then."""
    told_to_end: bool = False


class ReloadedService:
    """Listener and worker, the last ones and the next ones. Creating it starts the first ones."""

    def __init__(self, environ: Mapping[str, str]):
        self.exit_code = 0
        self._drain_seconds = float(environ.get("DRAIN_SECONDS") or DRAIN_SECONDS)
        self._environ = {**environ, "DRAIN_SECONDS": _FOREVER}
        self._watched = watched(environ)
        self._seen = self._loaded = snapshot(self._watched)
        self._stop_at: float | None = None
        """When workers that still run jobs at a stop are told to release them."""
        self._is_announced = False
        self._running: dict[int, Program] = {}
        self._current = {name: self._start(name, shared_port.FIRST) for name in MODULES}
        self._next: dict[str, Program] = {}

    @property
    def is_running(self) -> bool:
        """Whether at least one program runs."""
        return bool(self._running)

    def programs(self) -> list[Program]:
        """Return the programs that run."""
        return [*self._running.values()]

    def notices(self) -> list[socket.socket]:
        """Return the sockets at which programs tell that they are ready."""
        return [program.notices for program in self._running.values()]

    def note(self, program: Program) -> None:
        """Receive that a program is ready. It takes the place of the last one."""
        notice = program.notices.recv(NOTICE_BYTES).decode()
        if not notice.startswith(READY):
            return
        program.status = notice.partition(STATUS)[2]
        if self._next.get(program.name) is program:
            del self._next[program.name]
            last, self._current[program.name] = self._current[program.name], program
            self._end(last)
            if not self._next:
                log.info("job types reloaded")
        if not self._is_announced and all(each.status for each in self._current.values()):
            self._is_announced = True
            statuses = {name: each.status or "" for name, each in self._current.items()}
            announce(statuses["listener"], statuses["worker"])

    def reap(self) -> None:
        """Wait for all children that have ended."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._running:
                program = self._running.pop(pid)
                program.notices.close()
                program.process.returncode = os.waitstatus_to_exitcode(status)
                self._handle_end(program, program.process.returncode)

    def stop(self) -> None:
        """Tell all programs to end; a second call ends the drain of workers."""
        again = self._stop_at is not None
        self._stop_at = self._stop_at or time.monotonic() + self._drain_seconds
        for program in self._running.values():
            if again or not program.told_to_end:
                self._end(program)

    def look(self) -> None:
        """Replace both programs if files have changed, but not since the last look. At a stop, end
        the drain of workers once its time is over."""
        if self._stop_at is not None:
            if time.monotonic() >= self._stop_at:
                self.stop()
                self._stop_at = float("inf")
            return
        before, self._seen = self._seen, snapshot(self._watched)
        is_starting = self._next or not all(each.status for each in self._current.values())
        if is_starting or self._seen == self._loaded or self._seen != before:
            return
        self._loaded = self._seen
        log.info("job types have changed, loading them")
        self._next = {name: self._start(name, shared_port.NEXT) for name in MODULES}

    def _start(self, name: str, port: str) -> Program:
        notices = notice_socket()
        environ = {**self._environ, shared_port.VARIABLE: port}
        process = start_program(name, environ, notices)
        program = self._running[process.pid] = Program(name, process, notices)
        return program

    def _end(self, program: Program) -> None:
        program.told_to_end = True
        os.kill(program.process.pid, signal.SIGTERM)  # not reaped yet, so the id is still its own

    def _handle_end(self, program: Program, code: int) -> None:
        is_stopping = self._stop_at is not None
        if program.told_to_end and (not is_stopping or code in (0, -signal.SIGTERM)):
            return  # Python forgets its handlers at its end, so a second signal kills it then
        if self._next.get(program.name) is program:
            del self._next[program.name]
            log.error(f"the next {program.name} has ended, the last one goes on")
            return
        code = code if code >= 0 else 128 - code  # as a shell does after a signal
        self.exit_code = self.exit_code or code or 1
        if not is_stopping:
            text = f"the {program.name} has ended, so the service stops"
            log.error(text, extra={"exit_code": code})
            self.stop()


def watched(environ: Mapping[str, str]) -> list[Path]:
    """Return the folder of job types, and the file of commands if there is one."""
    paths = [environ.get("JOB_TYPES_FOLDER", "").strip() or FOLDER]
    paths += [environ.get("COMMANDS_FILE", "").strip()]
    return [Path(path).absolute() for path in paths if path]


def snapshot(paths: list[Path]) -> Snapshot:
    """Return the state of files, and of all Python files in folders. Some may be missing."""
    found: Snapshot = {}
    for path in paths:
        files = [path] if path.is_file() else path.rglob("*.py")
        for file in files:
            try:
                state = file.stat()
            except OSError:
                continue  # it was removed just now
            found[str(file)] = state.st_mtime_ns, state.st_size
    return found
