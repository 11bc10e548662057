"""Runs a listener and a worker, each as a process of its own: `python -m server --with-worker`.

It can be the first process of a container: it passes stop signals on and reaps the processes that
it adopts. It restarts nothing: when one program ends, it stops the other and ends as well.
"""

import ctypes
import logging
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from storage.records.our_modules import module_command
from storage.settings.env_file import read_environ
from storage.settings.stop_signals import StopSignals
from storage.telemetry.logs import is_json, set_up_logs
from storage.telemetry.service_manager import (
    ANNOUNCED,
    READY,
    STATUS,
    VARIABLE,
    ServiceManager,
)

log = logging.getLogger(__name__)

MODULES = {"listener": "server", "worker": "runner"}
DRAIN_SECONDS = "5"
"""The worker's DRAIN_SECONDS unless it is set: `docker stop` kills a container after 10 s."""
_PR_SET_PDEATHSIG = 1
NOTICE_BYTES = 4096


def run_both(signals: StopSignals) -> int:
    """Run both programs until a stop signal or until one of them ends. Returns the exit code."""
    set_up_logs("INFO", os.environ.get("LOG_FORMAT", "").strip() or "auto", "service")
    news = wake_on_signals()
    signals.exit_if_received()
    both = Both(both_environ(os.environ, Path(".env"), is_announced=not is_json()))
    watched: list[int | socket.socket] = [news, *both.notices]
    with own_terminal():
        while both.is_running:
            readable, _, _ = select.select(watched, [], [])
            for notices in both.notices:
                if notices in readable:
                    both.note(notices)
            for number in os.read(news, 512) if news in readable else b"":
                if number == signal.SIGCHLD:
                    both.reap()
                else:
                    both.stop()
    both.close()
    return both.exit_code


def both_environ(
    environ: Mapping[str, str], file: Path, *, is_announced: bool = False
) -> dict[str, str]:
    """Return the environment of both programs: settings in a file, and variables of `environ`,
    which override them.

    With `is_announced`, the programs leave it to this one to say how they have started.
    """
    found = {**read_environ(file), **environ, ANNOUNCED: "1" if is_announced else ""}
    if not found.get("DRAIN_SECONDS", "").strip():
        found["DRAIN_SECONDS"] = DRAIN_SECONDS
    return found


class Both:
    """The two programs. Creating it starts them."""

    def __init__(self, environ: Mapping[str, str]):
        self.exit_code = 0
        self.notices: dict[socket.socket, str] = {notice_socket(): name for name in MODULES}
        """The sockets at which the programs tell that they are ready, with their names."""
        self._statuses: dict[str, str] = {}
        self._is_stopping = False
        self._running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        for notices, name in self.notices.items():
            process = start_program(name, environ, notices)
            self._running[process.pid] = name, process

    @property
    def is_running(self) -> bool:
        """Whether at least one of them runs."""
        return bool(self._running)

    def stop(self) -> None:
        """Send SIGTERM to both. A second one ends the drain of the worker."""
        self._is_stopping = True
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)  # not reaped yet, so the id is still theirs

    def reap(self) -> None:
        """Wait for all children that have ended, among them the orphans that a first process
        adopts."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._running:
                name, process = self._running.pop(pid)
                process.returncode = os.waitstatus_to_exitcode(status)
                self._handle_end(name, process.returncode)

    def note(self, notices: socket.socket) -> None:
        """Receive that a program is ready. Announces it once both are."""
        notice = notices.recv(NOTICE_BYTES).decode()
        if not notice.startswith(READY):
            return
        self._statuses[self.notices[notices]] = notice.partition(STATUS)[2]
        if self._statuses.keys() == MODULES.keys() and not self._is_stopping:
            announce(self._statuses["listener"], self._statuses["worker"])

    def close(self) -> None:
        """Close the sockets."""
        for notices in self.notices:
            notices.close()

    def _handle_end(self, name: str, code: int) -> None:
        if self._is_stopping and code == -signal.SIGTERM:
            code = 0  # our signal came before it could handle one, or when it had ended already
        code = code if code >= 0 else 128 - code  # as a shell does after a signal
        if not self._is_stopping:
            code = code or 1  # it ended without a request to end
            log.error(f"the {name} has ended, so the service stops", extra={"exit_code": code})
            self.stop()
        self.exit_code = self.exit_code or code


def announce(listener: str, worker: str) -> None:
    """Tell people and systemd that both programs are ready, with the text that each has sent."""
    url, _, place = listener.partition(", ")
    ServiceManager().ready(f"{url}, {worker}, {place}")  # if systemd has started this program
    if is_json():
        log.info("service ready", extra={"url": url, "status": f"{worker}, {place}"})
    else:
        sys.stdout.write(f"Ready: {url} — {worker}, {place} — Ctrl-C stops\n")
        sys.stdout.flush()


def notice_socket() -> socket.socket:
    """Open a socket at which a program tells that it is ready."""
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind("")  # the kernel chooses an abstract address
    return notices


def start_program(
    name: str, environ: Mapping[str, str], notices: socket.socket
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, where Ctrl-C does not reach it a second time.

    It tells at `notices` that it is ready.
    """
    parent = os.getpid()
    address = "@" + notices.getsockname()[1:].decode()

    def die_with_parent() -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(
        module_command(MODULES[name]),
        env={**environ, VARIABLE: address},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def wake_on_signals() -> int:
    """Return a descriptor from which the number of each signal can be read, as one byte."""
    news, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGCHLD:  # nohup
            signal.signal(number, lambda number, frame: None)
    return news


@contextmanager
def own_terminal() -> Iterator[None]:
    """A block in which Ctrl-C reaches only this process.

    Otherwise it would also end `make`, which waits for this process, with an error. While `make`
    cannot be stopped by Ctrl-Z, neither can this process.
    """
    group = os.getpgrp()
    if group == os.getpid() or not os.isatty(0) or os.tcgetpgrp(0) != group:
        yield
        return
    for number in (signal.SIGTTOU, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    try:
        yield
    finally:
        os.tcsetpgrp(0, group)


if __name__ == "__main__":
    sys.exit("start both programs with: python -m server --with-worker")
