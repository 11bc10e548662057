"""How fast the service is with no-op jobs, compared with a bare Tornado application.

    python -m benchmarks.speed [--jobs 3000] [--rounds 3] [--database sqlite|postgresql]

One listener (two for one figure), one worker with three processes, every commit synced, and one
client with 32 connections on the same machine. Prints medians of interleaved rounds as a Markdown
table.
"""

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator

from benchmarks.http_client import Flood
from benchmarks.jobs import percentile
from benchmarks.speed import ours
from benchmarks.speed.bare import measure as measure_bare


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    parser.add_argument("--jobs", type=int, default=3000, help="jobs, or requests, of each figure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    options = parser.parse_args()
    figures: dict[str, list[float]] = defaultdict(list)
    for number in range(options.rounds):
        for name, value in figures_of(options.jobs, ours.DATABASES[options.database]):
            figures[name].append(value)
        sys.stderr.write(f"round {number + 1} of {options.rounds}\n")
    rows = [f"| {name} | {statistics.median(values):,.1f} |" for name, values in figures.items()]
    sys.stdout.write("\n".join(["| | median |", "|---|---|", *rows, ""]))


def figures_of(jobs: int, database: ours.Database) -> Iterator[tuple[str, float]]:
    """Run one round, and yield (name, value) of each figure."""
    rate, sent = ours.submit_and_run(jobs, database)
    yield "submitted over HTTP and run, jobs/s", rate
    yield from _of_flood("submitted meanwhile", sent)
    yield "queue filled before, jobs/s", ours.queue_filled(jobs, database)
    rate = ours.queue_filled(jobs, database, callers=4)
    yield "queue filled before, by four callers in turn, jobs/s", rate
    seconds = ours.round_trips(200, database)
    yield "submitted to known as finished, idle, ms, p50", 1000 * percentile(seconds, 0.5)
    yield "submitted to known as finished, idle, ms, p99", 1000 * percentile(seconds, 0.99)
    yield from _of_flood("submitted", ours.submissions(jobs, database))
    yield from _of_flood("status", ours.statuses(jobs, database))
    yield from _of_flood("status, two listeners", ours.statuses(jobs, database, listeners=2))
    submitted, asked = measure_bare(jobs, ours.CONNECTIONS, ours.SUBMIT)
    yield from _of_flood("bare Tornado, POST", submitted)
    yield from _of_flood("bare Tornado, GET", asked)


def _of_flood(name: str, flood: Flood) -> Iterator[tuple[str, float]]:
    yield f"{name}, requests/s", flood.rate
    yield f"{name}, ms, p50", 1000 * percentile(flood.latencies, 0.5)
    yield f"{name}, ms, p99", 1000 * percentile(flood.latencies, 0.99)


if __name__ == "__main__":
    main()
