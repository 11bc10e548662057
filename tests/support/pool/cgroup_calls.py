"""Functions that tests of control groups run in job processes, besides isolation_calls.py."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.pool.linux.cgroups import own_group
from tests.support.pool import isolation_calls
from tests.support.pool.calls import Report

FILES = ("memory.max", "pids.max", "cpu.weight.nice", "memory.oom.group")


def load() -> Callable[[str, Report], str]:
    """Return the entry."""
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, with its arguments."""
    call = json.loads(request)
    function = globals().get(call["do"])
    if function is None:
        return isolation_calls.entry(request, report)
    return json.dumps(function(report, **call["with"]))


def group(report: Report) -> dict[str, Any]:
    """Return the name of the group of this process, and its limits."""
    folder = _folder()
    return {"name": folder.name, **{name: _read(folder, name) for name in FILES}}


def most_processes(report: Report) -> str:
    """Return how many processes the group has had at once."""
    return _read(_folder(), "pids.peak")


def hold_memory_in_children(report: Report, number: int, mebibytes: int) -> None:
    """Let child processes hold memory until all of them do."""
    ready, is_ready = os.pipe()
    for _ in range(number):
        if os.fork() == 0:
            kept = bytearray(b"x" * (mebibytes * 2**20))
            os.write(is_ready, b"x")
            while kept:
                time.sleep(1)
    for _ in range(number):
        os.read(ready, 1)


def _folder() -> Path:
    return own_group(
        Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
    )


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text().strip()
