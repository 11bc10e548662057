"""The cost of the audit log: CPU time of a listener, and the rate, of submissions.

    python -m benchmarks.server.audit [--jobs 4000] [--rounds 5] [--database sqlite|postgresql]

No-op jobs by HTTP over 32 connections, while no worker runs. Each round runs once for each value of
AUDIT. Prints medians as a Markdown table. On PostgreSQL, the CPU time of the server does not count.
"""

import argparse
import statistics
import sys
from collections import defaultdict

from benchmarks.jobs import percentile
from benchmarks.server.traces import cpu_seconds
from benchmarks.speed import ours

WARM_UP = 500
VALUES = ("off", "changes", "all")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.audit")
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    options = parser.parse_args()
    figures = defaultdict[str, list[tuple[float, float, float]]](list)
    for number in range(options.rounds):
        for value in VALUES:
            figures[value].append(measure(options.jobs, value, ours.DATABASES[options.database]))
        sys.stderr.write(f"round {number + 1} of {options.rounds}\n")
    sys.stdout.write("| AUDIT | listener, CPU ms a job | submissions/s | p99, ms |\n")
    sys.stdout.write("|---|---|---|---|\n")
    for value in VALUES:
        cpu, rate, slowest = map(statistics.median, zip(*figures[value], strict=True))
        sys.stdout.write(f"| `{value}` | {cpu:.3f} | {rate:,.0f} | {slowest:.1f} |\n")


def measure(jobs: int, value: str, database: ours.Database) -> tuple[float, float, float]:
    """Return CPU milliseconds a job, submissions a second, and p99 in milliseconds."""
    with ours.service(0, database, AUDIT=value) as service:
        ours.submit(service, WARM_UP)
        before = cpu_seconds(service.listener)
        sent = ours.submit(service, jobs)
        used = cpu_seconds(service.listener) - before
        return 1000 * used / jobs, sent.rate, 1000 * percentile(sent.latencies, 0.99)


if __name__ == "__main__":
    main()
