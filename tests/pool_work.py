"""What tests of the pool run in job processes, and a runner for them to kill."""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context, shared_memory
from pathlib import Path
from typing import Any, NoReturn

from runner.pool import Pool

Report = Callable[[str], None]

kept: list[Any] = []
"""What jobs leave in their process."""


def load() -> Callable[[str, Report], str]:
    """The entry of almost all tests."""
    return entry


def load_nothing() -> NoReturn:
    """What cannot be loaded."""
    raise ImportError("no such \udcff library")


def load_and_die() -> NoReturn:
    """What is dead before it is loaded."""
    os._exit(1)


def load_slowly() -> Callable[[str, Report], str]:
    """What takes its time."""
    time.sleep(0.3)
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, with its arguments."""
    asked = json.loads(request)
    if asked["do"] == "raw":
        raw: str = asked["text"]
        return raw
    return json.dumps(globals()[asked["do"]](report, **asked["with"]))


def echo(report: Report, value: Any) -> Any:
    return value


def pid(report: Report) -> int:
    return os.getpid()


def raise_error(report: Report, name: str) -> None:
    raise ERRORS[name]()


def leave(report: Report, code: int) -> None:
    os._exit(code)


def crash(report: Report) -> None:
    ctypes.string_at(0)


def sleep(report: Report, seconds: float) -> None:
    report(json.dumps([os.getpid()]))
    time.sleep(seconds)


def spin(report: Report) -> None:
    report(json.dumps([os.getpid()]))
    while True:
        pass


def power(report: Report) -> int:
    """A call of C code that holds the interpreter for hours."""
    report(json.dumps([os.getpid()]))
    return len(str(3 ** (3**22)))


def derive_key(report: Report) -> str:
    """A call of C code that runs beside the interpreter for hours."""
    report(json.dumps([os.getpid()]))
    return hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1).hex()


def ignore_signals(report: Report, names: list[str], seconds: float = 60) -> str:
    for name in names:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    report(json.dumps([os.getpid()]))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
    return "over"


def heed_sigterm(report: Report, path: str) -> None:
    def clean_up(*_: object) -> None:
        Path(path).write_text("clean")
        sys.exit()

    signal.signal(signal.SIGTERM, clean_up)
    report(json.dumps([os.getpid()]))
    time.sleep(60)


def wait_for_file(report: Report, path: str) -> int:
    report(json.dumps([os.getpid()]))
    while not Path(path).exists():
        time.sleep(0.005)
    return os.getpid()


def family(report: Report, seconds: float) -> list[int]:
    """Children, a grandchild by exec, and a daemon, all of them deaf to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    read, write = os.pipe()
    for _ in range(2):
        _fork(write, lambda: subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL).pid)
    _fork(write, lambda: _fork(write, os.setsid) and os._exit(0))
    pids = [os.getpid()]
    with open(read) as lines:
        os.close(write)
        pids += [int(next(lines)) for _ in range(5)]
    report(json.dumps(pids))
    time.sleep(seconds)
    return pids
