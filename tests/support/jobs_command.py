"""Runs the command `jobservice`: in this process, as a process, or on a terminal."""

import contextlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from jobservice.cli.main import app
from jobservice.cli.program import NAMES
from tests.support.job_documents import loads
from tests.support.paths import ROOT

COMMAND = [sys.executable, "-m", "jobservice.cli"]
_MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from jobservice.cli.main import main
main()
"""
_SCRIPT = "from jobservice.cli.main import main\nmain()\n"
INTERRUPTIBLE = [sys.executable, "-c", _MAIN]
"""The command with Ctrl-C, also if these tests run where it is ignored."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Result:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its output as one JSON document."""
        return loads(self.out)

    @property
    def items(self) -> list[Any]:
        """Its output as JSON Lines."""
        return [loads(line) for line in self.out.splitlines()]


class JobsCommand:
    """The command `jobservice`, set up for a service."""

    def __init__(self, url: str, folder: Path):
        self.url = url
        self.folder = folder
        self.config = folder / "config" / "config.json"
        self.environ = {
            "JOBS_URL": url,
            "JOBS_TOKEN": "",
            "JOBS_PROFILE": "",
            "JOBS_CONFIG": str(self.config),
            "NO_COLOR": "",
            "TERM": "xterm",
            "COLUMNS": "80",
            "LINES": "24",
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(ROOT / "client"), str(ROOT), os.environ.get("PYTHONPATH")])
            ),
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def run(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> Result:
        """Run it in this process."""
        done = CliRunner().invoke(
            app,
            arguments,
            input=stdin,
            env={**self.environ, **environ},
            prog_name="jobservice",
            catch_exceptions=False,
        )
        return Result(done.exit_code, done.stdout, done.stderr)

    def process(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> Result:
        """Run it as a process whose streams are pipes."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=self.process_environ(**environ),
            cwd=self.folder,
            capture_output=True,
            timeout=50,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def shell(self, script: str, **environ: str) -> Result:
        """Run a script in an unmodified Bash which finds the installed command."""
        done = subprocess.run(
            ["bash", "--norc", "-e", "-c", script],
            stdin=subprocess.DEVNULL,
            env=self.process_environ(**{"PATH": self.search_path(), **environ}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=50,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def search_path(self) -> str:
        """Install the command under both names; return the PATH on which shells find it."""
        programs = self.folder / ".programs"
        programs.mkdir(exist_ok=True)
        for name in NAMES:
            script = programs / name
            script.write_text(f"#!{sys.executable}\n{_SCRIPT}")
            script.chmod(0o755)
        return os.pathsep.join([str(programs), os.environ["PATH"]])

    @contextlib.contextmanager
    def started(self, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """Start it as a process whose output is piped."""
        with subprocess.Popen(
            [*INTERRUPTIBLE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.process_environ(**environ),
            cwd=self.folder,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def terminal(
        self, *arguments: str, **environ: str
    ) -> contextlib.AbstractContextManager["Terminal"]:
        """Run it as a process on a terminal of 80 columns and 24 lines."""
        return self.program_on_terminal([*INTERRUPTIBLE, *arguments], **environ)

    @contextlib.contextmanager
    def program_on_terminal(self, program: list[str], **environ: str) -> Iterator["Terminal"]:
        """Run another program, such as a shell, on a terminal of 80 columns and 24 lines."""
        controller, terminal = pty.openpty()
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            program,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=self.process_environ(**environ),
            cwd=self.folder,
            start_new_session=True,
        )
        os.close(terminal)
        try:
            yield Terminal(process, controller)
        finally:
            process.kill()
            process.wait()
            os.close(controller)

    def process_environ(self, **environ: str) -> dict[str, str]:
        """The environment of its processes."""
        return {**os.environ, **self.environ, **environ}


class Terminal:
    """A command on a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], controller: int):
        self.process = process
        self._controller = controller
        self._received = b""

    @property
    def raw(self) -> str:
        """All that was written so far, with escape sequences."""
        return self._received.decode(errors="replace")

    @property
    def text(self) -> str:
        """All that was written so far, without escape sequences."""
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n")

    def expect(self, pattern: str, timeout: float = 20) -> str:
        """Wait until the text has this pattern; return what matched."""
        end = time.monotonic() + timeout
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < end, self.text
            assert self._read(0.1) or found, f"it has ended: {self.text}"
        return found.group()

    def type(self, text: str) -> None:
        """Type keys."""
        os.write(self._controller, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C: the process gets the signal that a terminal would send."""
        self.process.send_signal(signal.SIGINT)

    def end(self, timeout: float = 20) -> int:
        """Read until the end; return the exit code."""
        end = time.monotonic() + timeout
        while self._read(0.1):
            assert time.monotonic() < end, self.text
        return self.process.wait(timeout)

    def _read(self, seconds: float) -> bool:
        """Read what there is; False at the end."""
        if not select.select([self._controller], [], [], seconds)[0]:
            return True
        try:
            received = os.read(self._controller, 65536)
        except OSError:  # Linux reports the end of a terminal like this
            return False
        self._received += received
        return bool(received)
