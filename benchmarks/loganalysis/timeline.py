"""The CPU seconds that a timeline adds to a scan, on one pinned core, as a Markdown table.

    python -m benchmarks.loganalysis.timeline [--size-mb 1000] [--runs 5] [--log mixed]

Each figure is the median of interleaved runs, for each GB. "lines" are counts and matching lines,
"minutes" adds a histogram by the minute, "timeline" adds a timeline instead. The mixed log has
syslog, JSON, ISO and access lines; the access log has nginx lines of one day.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.loganalysis.analyze import cases, cpu_of_child
from benchmarks.loganalysis.log_file import make_log
from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions

ROWS = ("1 literals", "20 literals", "1000 literals", "5 regexes")
KINDS = {
    "lines": AnalysisOptions(),
    "minutes": AnalysisOptions(histogram="minute"),
    "timeline": AnalysisOptions(timeline=True),
}


def make_access_log(path: Path, size: int) -> None:
    """Write an nginx log of one day, with lines of about 130 bytes."""
    rng, lines, per_line = random.Random(7), size // 130, 130
    paths = ["/api/v1/orders", "/api/v1/users", "/index.html", "/static/app.js", "/login"]
    with path.open("w") as file:
        for number in range(lines):
            second = number * 86_400 // lines
            clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            address = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
            line = (
                f"{address} - - [25/Nov/2026:{clock} +0000]"
                f' "GET {rng.choice(paths)} HTTP/1.1" {rng.choice((200, 200, 200, 304, 503))}'
                f' {rng.randrange(90_000)} "-" "Mozilla/5.0 (X11; Linux x86_64)"'
            )
            file.write(line.ljust(per_line - 1) + "\n")


LOGS: dict[str, Callable[[Path, int], None]] = {"mixed": make_log, "access": make_access_log}


def scan(path: Path, patterns: list[Pattern], options: AnalysisOptions) -> None:
    """Analyze the file once, in one process."""
    analyze(path, patterns, options, lambda report: None)


def seconds_per_gb(
    path: Path, patterns: list[Pattern], kinds: Mapping[str, AnalysisOptions], runs: int
) -> list[list[float]]:
    """The CPU seconds for each GB of interleaved runs, in the order of the kinds."""
    figures: list[list[float]] = [[] for _ in kinds]
    for _ in range(runs):
        for figure, options in zip(figures, kinds.values(), strict=True):
            figure.append(cpu_of_child(lambda o=options: scan(path, patterns, o)))  # type: ignore[misc]
    gigabytes = path.stat().st_size / 1e9
    return [[seconds / gigabytes for seconds in figure] for figure in figures]


def row(path: Path, name: str, patterns: list[Pattern], runs: int) -> str:
    """The row for some patterns."""
    figures = seconds_per_gb(path, patterns, KINDS, runs)
    return f"| {name} | {' | '.join(f'{statistics.median(each):.3f}' for each in figures)} |\n"


def rows() -> dict[str, list[Pattern]]:
    """The patterns of each row, by its name."""
    return {"none": [], **{name: each for name, each in cases().items() if name in ROWS}}


def print_tables(
    about: str | None,
    size_mb: int,
    logs: Mapping[str, Callable[[Path, int], None]],
    columns: Sequence[str],
    patterns: Mapping[str, list[Pattern]],
    row: Callable[[Path, str, list[Pattern], int], str],
) -> None:
    """Make the logs, pin this process to one core, and print a table for each log.

    `about` describes the program and `size_mb` is the default size of a log. `row` takes a log,
    the name and the patterns of a row, and the number of runs.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--size-mb", type=int, default=size_mb)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--log", action="append", choices=logs)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    with tempfile.TemporaryDirectory() as folder:
        for log in options.log or logs:
            path = Path(folder, log)
            logs[log](path, options.size_mb * 1_000_000)
            os.sync()  # otherwise the system writes the file during the measurement
            head = f"| {log} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}\n"
            sys.stdout.write(f"\n{head}")
            for name, each in patterns.items():
                sys.stdout.write(row(path, name, each, options.runs))
                sys.stdout.flush()


def main() -> None:
    """Print the tables."""
    print_tables(__doc__, 1000, LOGS, [*KINDS], rows(), row)


if __name__ == "__main__":
    main()
