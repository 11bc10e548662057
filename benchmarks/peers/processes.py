"""Runs programs of a benchmark, each in its own session, and ends the whole session."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT
from tests.support.waiting import wait_for

END_SECONDS = 10
CLIENT_SECONDS = 600


@contextmanager
def running(command: list[str], environ: dict[str, str], folder: Path) -> Iterator[Path]:
    """Run a program in a folder; yield its log file. An error in the block gets the log as a note.

    At the end, all processes that it has started are killed, unless they left its session.
    """
    log = folder / f"{Path(command[0]).name}-{len(list(folder.iterdir()))}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield log
    except Exception as error:
        state = "runs" if process.poll() is None else f"has ended with {process.returncode}"
        error.add_note(f"{' '.join(command)} {state}: {log.read_text()[-2000:]}")
        raise
    finally:
        end_session(process)


def end_session(process: subprocess.Popen[Any]) -> None:
    """Kill a program and all processes of its session, and wait for their end."""

    def none_left() -> bool:
        pids = session(process.pid)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.poll()
        return not pids

    wait_for(none_left, END_SECONDS)
    process.wait(END_SECONDS)


def session(leader: int) -> list[int]:
    """The pids of a session's processes that have not ended."""
    return [pid for pid in _pids() if _state(pid) not in "ZX" and session_of(pid) == leader]


def session_of(pid: int) -> int:
    """The pid of a process's session leader; -1 if the process has ended."""
    with suppress(ProcessLookupError):
        return os.getsid(pid)
    return -1


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _state(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    return "X"


def output_of(command: list[str], environ: dict[str, str], folder: Path) -> str:
    """The output of a program. Raises RuntimeError with its stderr if it fails."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        printed, errors = process.communicate(timeout=CLIENT_SECONDS)
    finally:
        end_session(process)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} has failed: {errors[-2000:]}")
    return printed
