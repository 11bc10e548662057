"""How much faster two cores analyze one file than one core, as a Markdown table.

    python -m benchmarks.loganalysis.two_cores [--size-mb 256 1000] [--runs 15]

Runs on one and on two cores take turns in one warm process, with the file in the page cache. The
seconds are medians, and the ratio is the ratio of the medians. Needs two idle cores.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.loganalysis.analyze import cases
from benchmarks.loganalysis.files import quiet
from benchmarks.loganalysis.log_file import make_log
from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions

CASES = ("1 literals", "2 literals", "20 literals", "200 literals", "5 regexes")
WARM_UP = 2
"""The number of runs of each kind that do not count."""


def seconds(path: Path, patterns: list[Pattern], cores: int) -> float:
    """Seconds of one analysis."""
    began = time.perf_counter()
    analyze(path, patterns, AnalysisOptions(), quiet, cores)
    return time.perf_counter() - began


def row(path: Path, name: str, runs: int) -> str:
    """A row: seconds on one core, on two cores, and their ratio."""
    patterns = cases()[name]
    found: dict[int, list[float]] = {1: [], 2: []}
    for run in range(WARM_UP + runs):
        for cores, taken in found.items():
            took = seconds(path, patterns, cores)
            if run >= WARM_UP:
                taken.append(took)
    one, two = map(statistics.median, found.values())
    return f"| {name} | {one:.3f} | {two:.3f} | {one / two:.2f} |"


def main() -> None:
    """Make each file, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, nargs="+", default=[256, 1000])
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for size in options.size_mb:
            path = Path(folder, f"{size}.log")
            make_log(path, size * 10**6)
            os.sync()  # otherwise the system writes the file during the measurement
            rows = [row(path, name, options.runs) for name in CASES]
            head = f"| {size} MB | one core, s | two, s | ratio |\n|---|---|---|---|"
            print("\n".join(["", head, *rows]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
