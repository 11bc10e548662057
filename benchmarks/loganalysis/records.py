"""The CPU seconds of an analysis by lines and by records, on one pinned core, as Markdown tables.

    python -m benchmarks.loganalysis.records [--size-mb 300] [--runs 5] [--log java]

Each figure is the least of interleaved runs, for each GB. "lines" are counts and matching lines,
"records" the same of records of several lines. The mixed log has syslog, JSON, ISO and access
lines; the access log has nginx lines; in the Java log, one of 20 lines is followed by 30 more of a
traceback. "overview" stands for an analysis without patterns.
"""

from collections.abc import Callable
from pathlib import Path

from benchmarks.loganalysis.log_file import make_log
from benchmarks.loganalysis.timeline import make_access_log, print_tables, rows, seconds_per_gb
from loganalysis.match.patterns import Pattern
from loganalysis.records.rule import Records
from loganalysis.scan.options import AnalysisOptions

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
    lines, records = (min(each) for each in seconds_per_gb(path, patterns, kinds, runs))
    return f"| {name} | {lines:.3f} | {records:.3f} | {lines / records:.2f} |\n"


def main() -> None:
    """Print the tables."""
    columns, patterns = ("lines", "records", "ratio"), {**rows(), "overview": []}
    print_tables(__doc__, 300, LOGS, columns, patterns, row)


if __name__ == "__main__":
    main()
