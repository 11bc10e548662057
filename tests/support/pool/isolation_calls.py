"""What tests of the isolation run in job processes, beside what is in tests/support/pool/calls.py."""

import contextlib
import errno
import json
import os
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
    """The entry."""
    return entry


def load_where_folders_fail() -> Callable[[str, Report], str]:
    """A disk that has room for one folder, then twice for none, and then again."""
    mkdir, refused = os.mkdir, iter([False, True, True])

    def make_or_fail(name: str, mode: int = 0o777, **place: int) -> None:
        if next(refused, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        mkdir(name, mode, **place)

    setattr(os, "mkdir", make_or_fail)  # noqa: B010
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, with its arguments."""
    asked = json.loads(request)
    function = globals().get(asked["do"]) or getattr(calls, asked["do"])
    return json.dumps(function(report, **asked["with"]))


def environment(report: Report) -> dict[str, dict[str, str]]:
    """The variables of this process, of a program that it starts, and what the kernel shows of
    the process and of its keeper; as far as it can be read."""
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return {
        "own": dict(os.environ),
        "child": json.loads(child.stdout),
        "shown": shown("self") or {},
        "keeper": shown(str(os.getppid())) or {},
    }


def shown(pid: str) -> dict[str, str] | None:
    """What the kernel shows of the environment of a process; None if this one may not see it."""
    try:
        text = Path(f"/proc/{pid}/environ").read_text()
    except PermissionError:
        return None
    return dict(line.partition("=")[::2] for line in text.split("\0") if line)


def look_out(report: Report, pids: list[int]) -> dict[str, list[int]]:
    """Of which other processes it sees the environment, reads memory, or can send a signal."""
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


def place(report: Report) -> dict[str, Any]:
    """Where it works, and whether that is as it should be."""
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


def fill(report: Report, files: int, size: int, then: str = "return") -> str:
    """Leave files in the folder, and some more in folders below, and end in some way."""
    for number in range(files):
        below = Path("below" * (number % 2), str(number))
        below.parent.mkdir(exist_ok=True)
        below.write_bytes(b"x" * size)
    folder = os.getcwd()
    report(json.dumps([os.getpid(), folder]))
    match then:
        case "raise":
            raise ValueError("no more")
        case "crash":
            os._exit(3)
        case "sleep":
            calls.sleep(lambda _: None, 60)
    return folder


def fill_on(report: Report, size: int) -> None:
    """Write files of this size without end."""
    report(json.dumps([os.getpid(), os.getcwd()]))
    number = 0
    while True:
        number += 1
        Path(str(number)).write_bytes(b"x" * size)


def write_file(report: Report, size: int) -> int:
    """One file."""
    return Path("large").write_bytes(b"x" * size)


def write_file_by_signal(report: Report, size: int) -> None:
    """One file, without the care for the signal of the limit that Python takes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    Path("large").write_bytes(b"x" * size)


def open_files(report: Report, number: int) -> None:
    """So many at once."""
    with contextlib.ExitStack() as files:
        for _ in range(number):
            files.enter_context(open(os.devnull))


def run_threads(report: Report, number: int, seconds: float) -> None:
    """So many besides the first."""
    threads = [threading.Thread(target=time.sleep, args=(seconds,)) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def breed(report: Report, most: int) -> None:
    """Processes that all go on making others, up to a number that the machine can bear."""
    counter = os.open("counter", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    report(json.dumps([os.getpid()]))
    until = time.monotonic() + 30
    while os.fstat(counter).st_size < most:
        os.write(counter, b"x")  # before it is there: in the crowd, it may get no turn for long
        if os.fork() == 0:
            os.setsid()
    while time.monotonic() < until:
        time.sleep(1)
    os._exit(0)


def use_manager(report: Report) -> int:
    """What keeps a socket in the folder for temporary files."""
    with get_context("fork").Manager() as manager:
        return len(manager.list([1, 2]))


def move_between_folders(report: Report) -> str:
    """What a process that is shut in may not do, if nobody has seen to it."""
    Path("one").mkdir()
    Path("two").mkdir()
    Path("one/file").write_text("moved")
    os.rename("one/file", "two/file")
    os.link("two/file", "one/again")
    return Path("one/again").read_text()


def priority(report: Report) -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def chmod_and_leave(report: Report) -> str:
    """A folder that nobody can read or write, with a file in it."""
    Path("shut/below").mkdir(parents=True)
    Path("shut/below/file").write_text("x")
    os.chmod("shut/below", 0)
    os.chmod("shut", 0)
    os.chmod(".", 0)
    return os.getcwd()
