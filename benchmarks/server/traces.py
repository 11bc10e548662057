"""The cost of tracing: CPU time and memory of a listener and a worker, with and without it.

    python -m benchmarks.server.traces [--jobs 4000] [--rounds 3]

No-op jobs by HTTP, on SQLite. Each round runs once without tracing and once with all jobs traced,
to a collector on the same machine. Prints medians as a Markdown table.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from contextlib import ExitStack

import psutil

from benchmarks.speed import ours
from tests.support.programs import Program
from tests.support.servers.trace_collector import Collector, running_collector

WARM_UP = 300


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.traces")
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    figures: dict[str, list[list[float]]] = defaultdict(lambda: [[], []])
    for number in range(options.rounds):
        for traced in (False, True):
            for name, value in measure(options.jobs, traced).items():
                figures[name][traced].append(value)
        sys.stderr.write(f"round {number + 1} of {options.rounds}\n")
    rows = [
        f"| {name} | {statistics.median(off):.2f} | {statistics.median(on):.2f} |"
        for name, (off, on) in figures.items()
    ]
    sys.stdout.write("\n".join(["| | off | on |", "|---|---|---|", *rows, ""]))


def measure(jobs: int, traced: bool) -> dict[str, float]:
    """Run the jobs once."""
    with ExitStack() as held:
        collector = held.enter_context(running_collector())
        environ = {**collector.environ, "OTEL_SDK_DISABLED": "false" if traced else "true"}
        service = held.enter_context(ours.service(0, ours.sqlite, **environ))
        programs = {"listener": service.listener, "worker": service.worker()}
        ours.submit(service, WARM_UP)
        ours.until_all_final(service)
        before = {name: cpu_seconds(each) for name, each in programs.items()}
        ours.submit(service, jobs)
        ours.until_all_final(service)
        figures = {}
        for name, each in programs.items():
            used = cpu_seconds(each) - before[name]
            figures[f"{name}, CPU ms a job"] = 1000 * used / jobs
            figures[f"{name}, resident MiB"] = resident(each) / 2**20
        expected = 3 * (WARM_UP + jobs) * traced
        until_no_more(collector)
        figures["spans that are lost, %"] = (
            100 * (1 - len(collector.spans) / (expected or 1)) * traced
        )
        return figures


def until_no_more(collector: Collector) -> None:
    """Wait until no span arrives for a second."""
    count = -1
    while len(collector.spans) > count:
        count = len(collector.spans)
        time.sleep(1)


def cpu_seconds(program: Program) -> float:
    """The CPU seconds of the program itself, without its job processes."""
    times = psutil.Process(program.process.pid).cpu_times()
    return float(times.user + times.system)


def resident(program: Program) -> int:
    """The resident memory in bytes."""
    return int(psutil.Process(program.process.pid).memory_info().rss)


if __name__ == "__main__":
    main()
