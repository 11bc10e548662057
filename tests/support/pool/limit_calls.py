"""What tests of the limits run in job processes, beside what is in tests/support/pool/calls.py."""

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
    """The entry."""
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, with its arguments."""
    asked = json.loads(request)
    function = globals().get(asked["do"]) or getattr(calls, asked["do"])
    return json.dumps(function(report, **asked["with"]))


def fill_memory(report: Report) -> None:
    """Take memory in small pieces, and keep every one."""
    pieces: Any = ()
    while True:
        pieces = (pieces, b"%d" % id(pieces))


def spin_on(report: Report, names: list[str]) -> None:
    """Be busy without end, and ignore these signals."""
    for name in names:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    while True:
        pass


def open_files(report: Report, number: int) -> str:
    """Open files, leave them open, and return more than fits into a message."""
    calls.kept.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(number))
    return "x" * 10**5


def limits_seen(report: Report) -> list[list[int]]:
    """The limits of this process and of a program that it starts."""
    names = ("RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_NOFILE")
    code = f"import resource; print([resource.getrlimit(getattr(resource, n))[0] for n in {names}])"
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return [
        [resource.getrlimit(getattr(resource, name))[0] for name in names],
        json.loads(child.stdout),
    ]


def lower_limits(report: Report) -> None:
    """A job that lowers its own soft limits, and forgets that."""
    for which, soft in ((resource.RLIMIT_DATA, 2**20), (resource.RLIMIT_NOFILE, 1)):
        resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))


def use_more_cpu(report: Report, seconds: float) -> None:
    """Be busy for so long, whatever was used before."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
