"""Functions that tests of isolation run in job processes, in addition to calls.py."""

import contextlib
import ctypes
import errno
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.support.pool import calls
from tests.support.pool.calls import Report


def load() -> Callable[[str, Report], str]:
    """Return the entry."""
    return entry


def load_where_folders_fail() -> Callable[[str, Report], str]:
    """Simulate a full disk after the folders of the keeper and of its first call are created."""
    mkdir, refused = os.mkdir, iter([False, False, False, False, True, True])

    def make_or_fail(name: str, mode: int = 0o777, **options: int) -> None:
        if next(refused, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        mkdir(name, mode, **options)

    setattr(os, "mkdir", make_or_fail)  # noqa: B010
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, with its arguments."""
    call = json.loads(request)
    function = globals().get(call["do"]) or getattr(calls, call["do"])
    return json.dumps(function(report, **call["with"]))


def environment(report: Report) -> dict[str, dict[str, str]]:
    """Return the variables of this process and of a program that it starts, and the initial
    environments of this process and its keeper from /proc, as far as they are readable."""
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return {
        "own": dict(os.environ),
        "child": json.loads(child.stdout),
        "shown": initial_environment("self") or {},
        "keeper": initial_environment(str(os.getppid())) or {},
    }


def initial_environment(pid: str) -> dict[str, str] | None:
    """Return /proc/PID/environ; None if this process may not read it."""
    try:
        text = Path(f"/proc/{pid}/environ").read_text()
    except PermissionError:
        return None
    return dict(line.partition("=")[::2] for line in text.split("\0") if line)


def try_to_access(report: Report, pids: list[int]) -> dict[str, list[int]]:
    """Return which processes the job can read the environment or memory of, or can signal."""
    found: dict[str, list[int]] = {"environ": [], "mem": [], "signal": []}
    for pid in pids:
        for name in ("environ", "mem"):
            try:
                with open(f"/proc/{pid}/{name}", "rb"):
                    found[name].append(pid)
            except PermissionError:
                pass
        try:
            os.kill(pid, 0)
            found["signal"].append(pid)
        except PermissionError:
            pass
    return found


ITSELF = -1


def try_to_change(report: Report, how: str, pids: list[int]) -> list[int]:
    """Try to change processes in a way; returns the pids for which that was possible. ITSELF is the
    pid of this process."""
    changed = []
    for pid in pids:
        with contextlib.suppress(PermissionError):
            _CHANGES[how](os.getpid() if pid == ITSELF else pid)
            changed.append(pid)
    return changed


def _limit(pid: int) -> None:
    limits = resource.prlimit(pid, resource.RLIMIT_NPROC)
    resource.prlimit(pid, resource.RLIMIT_NPROC, limits)


def _set_io_class(pid: int) -> None:
    number = {"x86_64": 251, "aarch64": 30}[platform.machine()]
    if ctypes.CDLL(None, use_errno=True).syscall(number, 1, pid, 0) != 0:
        raise OSError(ctypes.get_errno(), "ioprio_set")


_CHANGES: dict[str, Callable[[int], None]] = {
    "limit": _limit,
    "nice": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid)),
    "nice_group": lambda pid: os.setpriority(os.PRIO_PGRP, os.getpgid(pid), 19),
    "schedule": lambda pid: os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0)),
    "pin": lambda pid: os.sched_setaffinity(pid, os.sched_getaffinity(0)),
    "io_class": _set_io_class,
}


def limit_itself(report: Report) -> list[int]:
    """Set a limit of this process, and of a program that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    command = ["sh", "-c", "ulimit -Sn 50; ulimit -Sn"]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return [resource.getrlimit(resource.RLIMIT_NOFILE)[0], int(printed)]


def folder_facts(report: Report) -> dict[str, Any]:
    """Return facts about the working folder."""
    folder = os.getcwd()
    with tempfile.NamedTemporaryFile() as file:
        temporary = os.path.dirname(file.name)
    return {
        "folder": folder,
        "temporary": temporary,
        "home": os.path.expanduser("~"),
        "variables": [os.environ["HOME"], os.environ["TMPDIR"]],
        "mode": os.stat(folder).st_mode & 0o777,
        "entries": os.listdir(folder),
    }


def fill_folder(report: Report, files: int, size: int, then: str = "return") -> str:
    """Create files in the folder and in subfolders, and then end as `then` says."""
    for number in range(files):
        below = Path("below" * (number % 2), str(number))
        below.parent.mkdir(exist_ok=True)
        below.write_bytes(b"x" * size)
    folder = os.getcwd()
    calls.tell(report, os.getpid(), folder)
    match then:
        case "raise":
            raise ValueError("no more")
        case "crash":
            os._exit(3)
        case "sleep":
            calls.sleep(lambda _: None, 60)
    return folder


def fill_folder_endlessly(report: Report, size: int) -> None:
    """Write files of this size until the job is killed."""
    calls.tell(report, os.getpid(), os.getcwd())
    number = 0
    while True:
        number += 1
        Path(str(number)).write_bytes(b"x" * size)


def write_file(report: Report, size: int) -> int:
    """Write one file."""
    return Path("large").write_bytes(b"x" * size)


def write_file_by_signal(report: Report, size: int) -> None:
    """Write one file with the default action of SIGXFSZ, which Python otherwise ignores."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    Path("large").write_bytes(b"x" * size)


def open_files(report: Report, number: int) -> None:
    """Open this many files at once."""
    with contextlib.ExitStack() as files:
        for _ in range(number):
            files.enter_context(open(os.devnull))


def run_threads(report: Report, number: int, seconds: float) -> None:
    """Run this many threads besides the main thread."""
    threads = [threading.Thread(target=time.sleep, args=(seconds,)) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def fork_bomb(report: Report, limit: int) -> None:
    """Let all processes fork without end, up to a limit that protects the machine."""
    counter = os.open("counter", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    calls.tell(report, os.getpid())
    until = time.monotonic() + 30
    while os.fstat(counter).st_size < limit:
        os.write(counter, b"x")  # counted before the fork: the child may have to wait long to run
        if os.fork() == 0:
            os.setsid()
    while time.monotonic() < until:
        time.sleep(1)
    os._exit(0)


def use_manager(report: Report) -> int:
    """Use a manager, which creates its socket in the folder for temporary files."""
    with get_context("fork").Manager() as manager:
        return len(manager.list([1, 2]))


def move_between_folders(report: Report) -> str:
    """Move and link files, which Landlock denies unless a rule allows it."""
    Path("one").mkdir()
    Path("two").mkdir()
    Path("one/file").write_text("moved")
    os.rename("one/file", "two/file")
    os.link("two/file", "one/again")
    return Path("one/again").read_text()


def priority(report: Report) -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def chmod_and_leave(report: Report) -> str:
    """Leave a file in a folder without permissions."""
    Path("shut/below").mkdir(parents=True)
    Path("shut/below/file").write_text("x")
    os.chmod("shut/below", 0)
    os.chmod("shut", 0)
    os.chmod(".", 0)
    return os.getcwd()


def reset_peak_after(report: Report, gate: str) -> bool:
    """Wait for a file, and return whether the peak of memory can still be reset."""
    calls.tell(report, os.getpid())
    while not os.path.exists(gate):
        time.sleep(0.01)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True
