"""Measures how long a pool takes to start, and to replace its keepers after one died; and its PSS.

    python -m benchmarks.runner.pool_start [--slots 3,16,64] [--runs 3]

Loads the built-in job types. PSS divides shared memory among the processes that share it. Prints a
table of medians in Markdown.
"""

import argparse
import os
import select
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Set
from functools import partial
from pathlib import Path

from runner.in_fork_server import load
from runner.job_types.registry.loader import PACKAGES
from runner.pool.linux import processes
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import Pool
from tests.support.pool import pools

HEAD = [
    "| slots | ready after, s | PSS, MB | ready again after a keeper's death, s |",
    "|---" * 4 + "|",
]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runner.pool_start")
    parser.add_argument("--slots", default="3,16,64")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for slots in map(int, options.slots.split(",")):
        found = [measured(slots) for _ in range(options.runs)]
        ready, memory, again = map(statistics.median, zip(*found, strict=True))
        rows.append(f"| {slots} | {ready:.2f} | {memory:.0f} | {again:.2f} |")
    sys.stdout.write("\n".join([*HEAD, *rows, ""]))


def measured(slots: int) -> tuple[float, float, float]:
    """Measure one pool; returns seconds to start, PSS in MB, and seconds to replace keepers."""
    with tempfile.TemporaryDirectory() as folder:
        runner_folder = RunnerFolder(Path(folder) / "work")
        began = time.perf_counter()
        pool = Pool(slots, partial(load, PACKAGES), runner_folder)
        try:
            until_ready(pool, slots)
            ready = time.perf_counter() - began
            memory = sum(map(pss, processes.descendants_of(os.getpid()))) / 1024
            old = keepers()
            began = time.perf_counter()
            os.kill(next(iter(old)), signal.SIGKILL)
            until_ready(pool, slots, old)
            return ready, memory, time.perf_counter() - began
        finally:
            pool.close()
            runner_folder.close()


def keepers() -> set[int]:
    """Return the keepers of this process that have a job process."""
    found = {pid for pid in pools.children() if pools.name_of(pid) == "keeper"}
    return {
        pid
        for pid in found
        if any(pools.name_of(child) == "job" for child in processes.children_of(pid))
    }


def until_ready(pool: Pool, slots: int, exclude: Set[int] = frozenset()) -> None:
    """Wait until each slot has a keeper with a job process. Keepers in `exclude` do not count."""
    while len(keepers() - exclude) < slots:
        select.select(pool.filenos(), [], [], 0.005)
        pool.collect()


def pss(pid: int) -> int:
    """Return the PSS of a process in KiB.

    `idle.sample` is not used: the fork server imports this module, so that psutil would be measured
    as well.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
