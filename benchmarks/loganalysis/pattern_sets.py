"""How fast each built-in pattern set scans a log of its program.

    python -m benchmarks.loganalysis.pattern_sets [--size-mb 200] [--runs 5]

The benchmark writes a log for each set. One of ten lines belongs to the set: a pattern matches it,
or it only looks as if one did. The other nine are of another program. The table in Markdown shows
MB of the file per second of CPU time; sets take turns, and the median counts.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from loganalysis import BUILT_IN, AnalysisRequest
from loganalysis.match.patterns import Pattern
from loganalysis.pattern_sets.pattern import BuiltInSet
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions

HEAD = "2026-11-29 13:12:01.482 web1 app[4711]:"
QUIET = 9
"""Other lines for each line of the set."""


def write_log(path: Path, found: BuiltInSet, size: int) -> None:
    """Write a log of about `size` bytes."""
    rng = random.Random(found.name)
    lines = [line for each in found.patterns for line in (each.match, each.other)]
    chunk = "".join(_chunk(rng, lines)).encode()
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(chunk)


def _chunk(rng: random.Random, lines: list[str]) -> list[str]:
    found = []
    for _ in range(2_000):
        found.append(f"{rng.choice(lines)}\n")
        for _ in range(QUIET):
            number, user = rng.randrange(10**6), rng.randrange(5_000)
            found.append(f"{HEAD} request {number} of user{user:04d} took {number % 997} ms\n")
    return found


def patterns_of(found: BuiltInSet) -> list[Pattern]:
    """The patterns of a set as the analysis takes them."""
    payload = {"patterns": [each.document() for each in found.patterns]}
    return AnalysisRequest.model_validate(payload).analysis_patterns()


def measure(path: Path, found: BuiltInSet) -> tuple[float, Any]:
    """The seconds of CPU time for one scan, and its result."""
    patterns, started = patterns_of(found), time.process_time()
    result = analyze(path, patterns, AnalysisOptions(), lambda progress: None)
    return time.process_time() - started, result


def main() -> None:
    """Measure all sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in BUILT_IN}
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.log" for name in BUILT_IN}
        for name, path in paths.items():
            write_log(path, BUILT_IN[name], options.size_mb * 1_000_000)
            path.read_bytes()
        for _ in range(options.runs):
            for name, path in paths.items():
                taken, results[name] = measure(path, BUILT_IN[name])
                seconds[name].append(taken)
    table = ["| set | patterns | matches per 100 lines | MB/s |", "|---|---|---|---|"]
    for name, found in BUILT_IN.items():
        partial = results[name].partial
        matches = 100 * sum(each.count for each in partial.results) / partial.lines
        rate = partial.bytes / 1e6 / statistics.median(seconds[name])
        table.append(f"| `{name}` | {len(found.patterns)} | {matches:.1f} | {rate:,.0f} |")
    print("\n".join(table))  # noqa: T201


if __name__ == "__main__":
    main()
