"""The cost of an analysis of a small file: CPU milliseconds, as a Markdown table.

    python -m benchmarks.loganalysis.small_files [--lines 2000] [--runs 50]

The scan of such a file takes less than 0.1 ms; the rest is to find out what its times are. Lines
without a time cost the most, because none of them answers that. The best of the runs counts.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json

LINES = {
    "ISO 8601": "2026-11-25T10:{0:02}:{1:02}Z INFO request {2} took 7 ms",
    "syslog, without a year": "Nov 25 10:{0:02}:{1:02} host app[{2}]: request took 7 ms",
    "no times": "ERROR in request {2} of worker 7",
    "no times, no digits": "ERROR one",
    "words of 900 letters": "ERROR " + "x" * 900,
}


def write_log(path: Path, line: str, count: int) -> None:
    """Write a log of `count` lines of one kind, one second after the other."""
    rows = (line.format(number // 60 % 60, number % 60, number) for number in range(count))
    path.write_text("".join(f"{row}\n" for row in rows))


def cpu_ms(path: Path, runs: int) -> float:
    """The least CPU milliseconds of an analysis of a file."""
    seconds, patterns, options = [], [Pattern("ERROR")], AnalysisOptions()
    for _ in range(runs):
        started = time.process_time()
        to_json(analyze(path, patterns, options, lambda _: None), options)
        seconds.append(time.process_time() - started)
    return min(seconds) * 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loganalysis.small_files")
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=50)
    arguments = parser.parse_args()
    sys.stdout.write("| lines with | CPU, ms |\n|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        for name, line in LINES.items():
            path = Path(folder) / "app.log"
            write_log(path, line, arguments.lines)
            sys.stdout.write(f"| {name} | {cpu_ms(path, arguments.runs):.1f} |\n")


if __name__ == "__main__":
    main()
