"""Starts programs of the service as forks of a process that has imported their modules.

Importing takes a second of CPU time for each service, which was a fifth of the whole suite. The
fork is a process like any other: it has its own session, environment and signal handlers, and runs
`python -m server`, `python -m runner` or `python -m storage` from the first line.

A variable with dots in its name, such as server.start.http_server.SLOW_SECONDS, gives a
constant of a module another value in that program. Only tests can do so: the programs do not read
it.

    test ──name, environment, log──▶ template ──fork──▶ program
         ◀──process id, wait status──
"""

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.job_types.registry import loader
from storage.records.release import RELEASE
from tests.support.compiled_once import shared_compilation, shared_document, shared_web_files
from tests.support.workers import TYPES

MODULES = (
    "server.settings.server",
    "server.start.listener",
    "runner.config",
    "runner.worker",
    "admin.transfer.transfer",
    "admin.commands.vacuum",
)
_END_SECONDS = 50
_OURS = ("admin", "runner", "server", "storage")
_STARTS_PYTHON = ("PYTHON", "LD_")
"""Variables with these prefixes change how Python itself starts, which a fork cannot show."""


class WarmProcess:
    """A program that was started by the template. Has the methods of `subprocess.Popen`."""

    def __init__(self, template: "Template", pid: int):
        self.pid = pid
        self.returncode: int | None = None
        self._template = template

    def poll(self) -> int | None:
        """Return the exit code, or None while the program runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self._look(until)) is None:
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the program has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, until: float | None) -> int | None:
        if self.returncode is None:
            self.returncode = self._template.exit_code(self.pid, until)
        return self.returncode


class Template:
    """The process that forks programs."""

    def __init__(self) -> None:
        self._exit_codes: dict[int, int] = {}
        self._socket, remote = _connected()
        with remote:
            command = [sys.executable, "-m", __name__, str(remote.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[remote.fileno()])
        atexit.register(self.close)

    def start(
        self,
        name: str,
        environ: dict[str, str],
        log: str,
        errors: str | None = None,
        arguments: Sequence[str] = (),
    ) -> WarmProcess:
        """Start a program with this environment.

        It appends its output to the file `log`, or only its standard output if `errors` is a file.
        """
        request = {"name": name, "environ": environ, "arguments": arguments}
        request |= {"logs": [log, errors or log], "folder": os.getcwd()}
        _send(self._socket, request)
        while (message := self._receive()).keys() != {"started"}:
            pass
        return WarmProcess(self, message["started"])

    def exit_code(self, pid: int, until: float | None) -> int | None:
        """Return the exit code of a program; wait for it until a monotonic time (None: ever)."""
        while pid not in self._exit_codes:
            seconds = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._socket], [], [], seconds)[0]:
                return None
            self._receive()
        return self._exit_codes.pop(pid)

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()

    def _receive(self) -> dict[str, Any]:
        message = _receive(self._socket)
        assert message, "the template has ended"
        if "ended" in message:
            self._exit_codes[message["ended"]] = message["code"]
        return message


_template: Template | None = None


def start_warm(name: str, environ: dict[str, str], log: str) -> WarmProcess | None:
    """Start `python -m NAME` with these variables in addition to the present ones.

    Returns None if the variables change how Python itself starts.
    """
    if _starts_differently(environ):
        return None
    return _only_template().start(name, {**os.environ, **environ}, log)


def run_program(name: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m NAME` with these variables in addition to the present ones, until it ends.

    Raises subprocess.TimeoutExpired if it does not end.
    """
    command, every = [sys.executable, "-m", name, *arguments], {**os.environ, **environ}
    if _starts_differently(environ):
        return subprocess.run(
            command, env=every, capture_output=True, text=True, timeout=_END_SECONDS
        )
    with tempfile.TemporaryDirectory() as folder:
        printed, errors = Path(folder, "printed"), Path(folder, "errors")
        process = _only_template().start(name, every, str(printed), str(errors), arguments)
        try:
            code = process.wait(_END_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(command, code, printed.read_text(), errors.read_text())


def _starts_differently(environ: Mapping[str, str]) -> bool:
    return any(variable.startswith(_STARTS_PYTHON) for variable in environ)


def _only_template() -> Template:
    global _template
    _template = _template or Template()
    return _template


def serve(connection: socket.socket) -> str | None:
    """Fork programs until the connection ends. Returns the name of the program in each fork."""
    running: dict[int, int] = {}  # process ids by descriptors of processes
    while True:
        for descriptor in select.select([connection.fileno(), *running], [], [])[0]:
            if descriptor in running:
                pid = running.pop(descriptor)
                os.close(descriptor)
                status = os.waitpid(pid, 0)[1]
                _send(connection, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})
                continue
            request = _receive(connection)
            if not request:
                return None
            pid = os.fork()
            if pid == 0:
                for each in (*running, connection.detach()):
                    os.close(each)
                return become(request)
            running[os.pidfd_open(pid)] = pid
            _send(connection, {"started": pid})


def become(request: dict[str, Any]) -> str:
    """Make this process what `subprocess.Popen` would start."""
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    for descriptor, path in enumerate(request["logs"], 1):
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, descriptor)
        os.close(log)
    set_constants(request["environ"])
    sys.argv[1:] = request["arguments"]
    name: str = request["name"]
    return name


def set_constants(environ: Mapping[str, str]) -> None:
    """Give the constants that variables name by module and name other values of their types."""
    for path, text in environ.items():
        module, dot, name = path.rpartition(".")
        if dot and module.startswith(_OURS):
            owner = importlib.import_module(module)
            setattr(owner, name, type(getattr(owner, name))(text))


def _connected() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.send(json.dumps(message).encode())


def _receive(connection: socket.socket) -> dict[str, Any]:
    """Return the next message; an empty one at the end of the connection."""
    message: dict[str, Any] = json.loads(connection.recv(1 << 20) or b"{}")
    return message


def main() -> None:
    """Import the modules, and serve."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    connection = socket.socket(fileno=int(sys.argv[1]))
    for module in MODULES:
        importlib.import_module(module)
    with shared_compilation():
        shared_document(loader.find(TYPES))  # all listeners describe the same types
        shared_web_files(RELEASE, "")
        name = serve(connection)
        if name:
            runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
