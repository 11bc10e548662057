"""The CPU seconds of an analysis by lines and by records, on one pinned core, as Markdown tables.

    python -m benchmarks.analysis.records [--size-mb 300] [--runs 5] [--log java]

Each figure is the least of interleaved runs, for each GB. "lines" are counts and matching lines,
"records" the same of records of several lines. The mixed log has syslog, JSON, ISO and access
lines; the access log has nginx lines; in the Java log, one of 20 lines is followed by 30 more of a
traceback. "overview" stands for an analysis without patterns.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.analysis.analyze import cases, cpu_of_child
from benchmarks.analysis.log_file import make_log
from benchmarks.analysis.timeline import make_access_log, scan
from runner.analysis.match.patterns import Pattern
from runner.analysis.options import AnalysisOptions
from runner.analysis.records.rule import Records

ROWS = ("1 literals", "20 literals", "1000 literals", "5 regexes")
_TRACE_LINES = 30


def make_java_log(path: Path, size: int) -> None:
    """Write a log of one day in which one of 20 lines has a traceback."""
    trace = "java.lang.IllegalStateException: connection closed\n" + "".join(
        f"\tat com.example.orders.Class{number}.method{number}(Class{number}.java:{number * 7})\n"
        for number in range(_TRACE_LINES - 1)
    )
    per_line = 90 + len(trace) // 20
    lines = size // per_line
    with path.open("w") as file:
        for number in range(lines):
            second = number * 86_400 // lines
            clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            head = f"2026-11-25 {clock},{number % 1000:03} [worker-{number % 16}]"
            if number % 20:
                line = f"{head} INFO com.example.orders.Service - order {number} is done"
                file.write(line.ljust(89) + "\n")
            else:
                file.write(f"{head} ERROR com.example.orders.Service - order failed\n{trace}")


LOGS: dict[str, Callable[[Path, int], None]] = {
    "mixed": make_log,
    "access": make_access_log,
    "java": make_java_log,
}


def row(path: Path, name: str, patterns: list[Pattern], runs: int) -> str:
    """The row for some patterns."""
    overview = name == "overview"
    kinds = {
        "lines": AnalysisOptions(overview=overview),
        "records": AnalysisOptions(overview=overview, records=Records()),
    }
    figures: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(runs):
        for kind, options in kinds.items():
            figures[kind].append(cpu_of_child(lambda o=options: scan(path, patterns, o)))  # type: ignore[misc]
    gigabytes = path.stat().st_size / 1e9
    lines, records = (min(each) / gigabytes for each in figures.values())
    return f"| {name} | {lines:.3f} | {records:.3f} | {lines / records:.2f} |\n"


def main() -> None:
    """Make the logs, pin this process to one core, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=300)
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
            sys.stdout.write(f"\n| {log} | lines | records | ratio |\n|---|---|---|---|\n")
            for name, patterns in {"none": [], **cases(), "overview": []}.items():
                if name in ("none", "overview", *ROWS):
                    sys.stdout.write(row(path, name, patterns, options.runs))
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
