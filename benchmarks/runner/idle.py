"""What the service costs while nothing is to be done: memory, CPU and wake-ups of each process.

    python -m benchmarks.runner.idle [--seconds 60] [--database sqlite|postgresql] [--warm 200]

One listener and one worker with three processes, after so many jobs; their bytecode is compiled
before, as in the image. Memory is PSS, which counts what processes share once:
/proc/PID/smaps_rollup. Prints a table in Markdown.
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

MB = 1024  # of the kernel's KiB
HEAD = ["| process | PSS, MB | private, MB | CPU, % of a core | switches/s |", "|---" * 5 + "|"]


@dataclass(frozen=True)
class Look:
    """A process at one moment: KiB, seconds of CPU, and how often it went to sleep or was taken
    off its core."""

    name: str
    shared: int
    private: int
    cpu_seconds: float
    switches: int


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runner.idle")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    parser.add_argument("--warm", type=int, default=200, help="jobs that are run before")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as compiled:
        environ: Any = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        with ours.service(**environ):
            pass  # all is compiled once both programs are ready
        with ours.service(database=ours.DATABASES[options.database], **environ) as running:
            ours.submit(running, options.warm)
            ours.until_all_final(running)
            time.sleep(5)  # what follows upon the last job
            before = looks(running)
            time.sleep(options.seconds)
            found = rows(before, looks(running), options.seconds)
    sys.stdout.write("\n".join([*HEAD, *found, ""]))


def looks(running: Service) -> dict[int, Look]:
    """All processes of the service that do not end just now, by pid."""
    found = {}
    for program in running.programs():
        for process in program.family():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                found[process.pid] = look(program.name, process)
    return found


def look(program: str, process: psutil.Process) -> Look:
    """A process as it is now."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    times, switched = process.cpu_times(), process.num_ctx_switches()
    cpu = times.user + times.system
    name = f"{program}: {process.name()} {' '.join(process.cmdline()[1:4])}"
    return Look(name, sizes["Pss"], private, cpu, switched.voluntary + switched.involuntary)


def rows(before: dict[int, Look], after: dict[int, Look], seconds: float) -> list[str]:
    """The table's rows, and their sum."""
    stayed = [(before[pid], now) for pid, now in after.items() if pid in before]
    each = [figures(earlier, now, seconds) for earlier, now in stayed]
    names = [now.name for _, now in stayed]
    sums = [sum(column) for column in zip(*each, strict=True)]
    return [row(*found) for found in zip([*names, "all"], [*each, sums], strict=True)]


def figures(before: Look, after: Look, seconds: float) -> list[float]:
    """The columns of a process."""
    cpu = 100 * (after.cpu_seconds - before.cpu_seconds) / seconds
    switches = (after.switches - before.switches) / seconds
    return [after.shared / MB, after.private / MB, cpu, switches]


def row(name: str, columns: Sequence[float]) -> str:
    """A row of the table."""
    pss, private, cpu, switches = columns
    return f"| {name} | {pss:.1f} | {private:.1f} | {cpu:.3f} | {switches:.2f} |"


if __name__ == "__main__":
    main()
