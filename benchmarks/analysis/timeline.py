"""The CPU seconds that a timeline adds to a scan, on one pinned core, as a Markdown table.

    python -m benchmarks.analysis.timeline [--size-mb 1000] [--runs 5] [--log mixed]

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
from collections.abc import Callable
from pathlib import Path

from benchmarks.analysis.analyze import cases, cpu_of_child
from benchmarks.analysis.log_file import make_log
from runner.analysis.match.patterns import Pattern
from runner.analysis.options import AnalysisOptions
from runner.analysis.run import analyze

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


def row(path: Path, name: str, patterns: list[Pattern], runs: int) -> str:
    """The row for some patterns."""
    figures: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(runs):
        for kind, options in KINDS.items():
            figures[kind].append(cpu_of_child(lambda o=options: scan(path, patterns, o)))  # type: ignore[misc]
    gigabytes = path.stat().st_size / 1e9
    return f"| {name} | " + " | ".join(
        f"{statistics.median(each) / gigabytes:.3f}" for each in figures.values()
    )


def main() -> None:
    """Make the logs, pin this process to one core, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--log", action="append", choices=LOGS)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    with tempfile.TemporaryDirectory() as folder:
        for log in options.log or LOGS:
            path = Path(folder, log)
            LOGS[log](path, options.size_mb * 1_000_000)
            os.sync()  # otherwise the system writes the file during the measurement
            sys.stdout.write(f"\n| {log} | {' | '.join(KINDS)} |\n|---|---|---|---|\n")
            for name, patterns in {"none": [], **cases()}.items():
                if name == "none" or name in ROWS:
                    sys.stdout.write(f"{row(path, name, patterns, options.runs)} |\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
