"""Functions that tests of limits run in job processes, in addition to calls.py."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.support.pool import calls
from tests.support.pool.calls import Report


def load() -> Callable[[str, Report], str]:
    """Return the entry."""
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, with its arguments."""
    call = json.loads(request)
    function = globals().get(call["do"]) or getattr(calls, call["do"])
    return json.dumps(function(report, **call["with"]))


def fill_memory(report: Report) -> None:
    """Allocate small objects until memory runs out."""
    pieces: Any = ()
    while True:
        pieces = (pieces, b"%d" % id(pieces))


def spin_ignoring(report: Report, names: list[str]) -> None:
    """Use CPU time endlessly, and ignore these signals."""
    for name in names:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    while True:
        pass


def open_files(report: Report, number: int) -> str:
    """Open files, 50 at most, and leave them open; return a result too long for an inline body."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, hard))
    calls.kept.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(number))
    return "x" * 10**5


def limits_seen(report: Report) -> list[list[int]]:
    """Return the limits of this process and of a program that it starts."""
    names = ("RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_NOFILE")
    code = f"import resource; print([resource.getrlimit(getattr(resource, n))[0] for n in {names}])"
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return [
        [resource.getrlimit(getattr(resource, name))[0] for name in names],
        json.loads(child.stdout),
    ]


def lower_limits(report: Report) -> None:
    """Lower the soft limits of this process without restoring them."""
    for which, soft in ((resource.RLIMIT_DATA, 2**20), (resource.RLIMIT_NOFILE, 1)):
        resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))


def use_more_cpu(report: Report, seconds: float) -> None:
    """Use this many more seconds of CPU time."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def niceness(report: Report) -> int:
    """Return the niceness of this process."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def print_lines(report: Report, number: int) -> None:
    """Print this many lines of 100 bytes, at once."""
    sys.stdout.write(("x" * 99 + "\n") * number)
