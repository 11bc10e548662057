"""Measures memory, CPU time and context switches of each process while the service is idle.

    python -m benchmarks.runner.idle [--seconds 60] [--database sqlite|postgresql] [--warm 200]

Runs one listener and one worker with three slots, and measures after `--warm` jobs. The bytecode
is compiled before, as in the image. Memory is PSS from /proc/PID/smaps_rollup, which divides shared
memory among the processes that share it. Prints a table in Markdown.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.speed import ours
from tests.support.programs import Service

KIB_PER_MB = 1024
HEAD = ["| process | PSS, MB | private, MB | CPU, % of a core | switches/s |", "|---" * 5 + "|"]


@dataclass(frozen=True)
class ProcessSample:
    """A process at one moment: memory in KiB, CPU seconds, and number of context switches."""

    name: str
    pss: int
    private: int
    cpu_seconds: float
    switches: int


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runner.idle")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    parser.add_argument("--warm", type=int, default=200, help="jobs to run before")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as compiled:
        environ: Any = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        with ours.service(**environ):
            pass  # both programs have compiled their modules once they are ready
        with ours.service(database=ours.DATABASES[options.database], **environ) as running:
            ours.submit(running, options.warm)
            ours.until_all_final(running)
            time.sleep(5)  # until the work after the last job is done
            before = samples(running)
            time.sleep(options.seconds)
            found = rows(before, samples(running), options.seconds)
    sys.stdout.write("\n".join([*HEAD, *found, ""]))


def samples(running: Service) -> dict[int, ProcessSample]:
    """Sample all processes of the service by pid. Exiting processes are left out."""
    found = {}
    for program in running.programs():
        for process in program.family():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                found[process.pid] = sample(program.name, process)
    return found


def sample(program: str, process: psutil.Process) -> ProcessSample:
    """Sample a process."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    times, switched = process.cpu_times(), process.num_ctx_switches()
    cpu = times.user + times.system
    name = f"{program}: {process.name()} {' '.join(process.cmdline()[1:4])}"
    return ProcessSample(
        name, sizes["Pss"], private, cpu, switched.voluntary + switched.involuntary
    )


def rows(
    before: dict[int, ProcessSample], after: dict[int, ProcessSample], seconds: float
) -> list[str]:
    """Return the rows of the table, with a row of sums."""
    stayed = [(before[pid], later) for pid, later in after.items() if pid in before]
    each = [figures(earlier, later, seconds) for earlier, later in stayed]
    names = [later.name for _, later in stayed]
    sums = [sum(column) for column in zip(*each, strict=True)]
    return [row(*found) for found in zip([*names, "all"], [*each, sums], strict=True)]


def figures(before: ProcessSample, after: ProcessSample, seconds: float) -> list[float]:
    """Return the columns of a process."""
    cpu = 100 * (after.cpu_seconds - before.cpu_seconds) / seconds
    switches = (after.switches - before.switches) / seconds
    return [after.pss / KIB_PER_MB, after.private / KIB_PER_MB, cpu, switches]


def row(name: str, columns: Sequence[float]) -> str:
    """Format a row of the table."""
    pss, private, cpu, switches = columns
    return f"| {name} | {pss:.1f} | {private:.1f} | {cpu:.3f} | {switches:.2f} |"


if __name__ == "__main__":
    main()
