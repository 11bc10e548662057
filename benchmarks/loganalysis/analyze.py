"""Compares the scanner with ripgrep: CPU seconds on one pinned core, as a Markdown table.

    python -m benchmarks.loganalysis.analyze --size-mb 1000 --runs 5

Each figure is the median of interleaved runs. "rg x N" is one `rg -a --count-matches` for each
pattern, because one run gives no separate counts. If there are more than 20 patterns, 10 of the
others are run and stand for all. The scanner runs in a fork of this process, like a job process.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.loganalysis.log_file import make_log
from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import ScanOptions
from loganalysis.match.patterns import Pattern, prepare
from loganalysis.scan.scan import scan_range

TWENTY = [
    *("ERROR", "WARN", "FATAL", "NullPointerException", "permission denied", "timeout after"),
    *("retrying call", "connection refused", " 503 ", "/login", "user1234", "user0042"),
    *("host07 sshd", "queue depth 99", "panic", "Traceback", "segfault", "OutOfMemory"),
    *("10.13.37.1", "deadlock"),
]
REGEXES = [
    r"user\d{4} logged in",
    r"timeout after \d+ ms",
    r'HTTP/1\.1" 50[03] \d+',
    r"trace=[0-9a-f]*dead",
    r"(ERROR|FATAL) \[worker-1\d\]",
]


def thousand() -> list[str]:
    """The twenty, and 980 users, ids and addresses that are mostly rare."""
    rng = random.Random(5)
    users = [f"user{number:04d}" for number in rng.sample(range(5000), 340)]
    ids = [f"{rng.getrandbits(32):08x}" for _ in range(340)]
    addresses = [f"10.{rng.randrange(256)}.{rng.randrange(256)}." for _ in range(340)]
    more = (text for row in zip(users, ids, addresses, strict=True) for text in row)
    return list(dict.fromkeys([*TWENTY, *more]))[:1000]


def cases() -> dict[str, list[Pattern]]:
    """The patterns of each row, by its name."""
    texts = thousand()
    rows = {
        f"{n} literals": [Pattern(text) for text in texts[:n]] for n in (1, 2, 20, 64, 200, 1000)
    }
    rows["20 ignoring case"] = [Pattern(text, ignore_case=True) for text in TWENTY]
    rows["5 regexes"] = [Pattern(text, regex=True) for text in REGEXES]
    return rows


def cpu_of_child(work: Callable[[], object]) -> float:
    """Run a function in a forked process, and return the CPU seconds."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"a run failed with status {status}")
    return usage.ru_utime + usage.ru_stime


def ripgrep(path: Path, patterns: list[Pattern]) -> float:
    """CPU seconds of ripgrep, with one run for each pattern."""
    most, rest = patterns[:20], patterns[20:]
    sample = rest[:: max(len(rest) // 10, 1)]
    seconds = sum(_ripgrep_once(path, pattern) for pattern in most)
    return seconds + sum(_ripgrep_once(path, p) for p in sample) * len(rest) / max(len(sample), 1)


def _ripgrep_once(path: Path, pattern: Pattern) -> float:
    flags = [*([] if pattern.regex else ["-F"]), *(["-i"] if pattern.ignore_case else [])]
    command = ["rg", "-a", "--count-matches", *flags, "-e", pattern.text, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def scan(path: Path, patterns: list[Pattern], lines: bool) -> None:
    """Scan the file once."""
    options = ScanOptions(LineOptions() if lines else None)
    scan_range(path, (0, path.stat().st_size), prepare(patterns), options, lambda *_: None)


def table(path: Path, runs: int, wanted: list[str]) -> list[str]:
    """The rows as Markdown. Figures are CPU seconds for each GB."""
    gigabytes = path.stat().st_size / 1e9
    rows = ["| patterns | rg x N | counts | full | counts, ratio | full, ratio |", "|" + "---|" * 6]
    for name, patterns in cases().items():
        if wanted and name not in wanted:
            continue
        figures: list[list[float]] = [[], [], []]
        for _ in range(runs):
            figures[0].append(ripgrep(path, patterns))
            figures[1].append(cpu_of_child(lambda p=patterns: scan(path, p, False)))  # type: ignore[misc]
            figures[2].append(cpu_of_child(lambda p=patterns: scan(path, p, True)))  # type: ignore[misc]
        rg, counts, full = (statistics.median(each) / gigabytes for each in figures)
        numbers = f"{rg:.3f} | {counts:.3f} | {full:.3f} | {rg / counts:.2f} | {rg / full:.2f}"
        rows.append(f"| {name} | {numbers} |")
        print(rows[-1], file=sys.stderr, flush=True)  # noqa: T201
    return rows


def main() -> None:
    """Make the log, pin this process to one core, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--row", action="append", default=[], help="only these rows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        make_log(path, options.size_mb * 1_000_000)
        os.sched_setaffinity(0, {options.core})
        print("\n".join(table(path, options.runs, options.row)))  # noqa: T201


if __name__ == "__main__":
    main()
