"""How much sooner one file is analyzed on two cores than on one, as a Markdown table.

    python -m benchmarks.analysis.two_cores [--size-mb 256 1000] [--runs 15]

One and two take turns in one process, as in a warm job process, with the file in the page cache;
seconds are medians, and the ratio is that of the medians. Needs two cores that nobody else uses.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.analysis.analyze import cases
from benchmarks.analysis.files import quiet
from benchmarks.analysis.log_file import make_log
from runner.analysis.match.patterns import Pattern
from runner.analysis.run import AnalysisOptions, analyze

CASES = ("1 literals", "2 literals", "20 literals", "200 literals", "5 regexes")
WARM_UP = 2
"""Runs of each that do not count."""


def seconds(path: Path, patterns: list[Pattern], cores: int) -> float:
    """What one analysis takes."""
    began = time.perf_counter()
    analyze(path, patterns, AnalysisOptions(), quiet, cores)
    return time.perf_counter() - began


def row(path: Path, name: str, runs: int) -> str:
    """Of one case: seconds on one core, on two, and how many times as fast they are."""
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
            os.sync()  # or the system writes it while it is measured
            rows = [row(path, name, options.runs) for name in CASES]
            head = f"| {size} MB | one core, s | two, s | ratio |\n|---|---|---|---|"
            print("\n".join(["", head, *rows]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
