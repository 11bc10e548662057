"""Compares the templates of the overview with drain3: grouping accuracy, and CPU time.

    python -m benchmarks.loganalysis.templates [--folder LABELLED] [--size-mb 200]

drain3 is not a dependency: `pip install drain3` before (0.9.11 was measured). The corpus is the one
in tests/support/loganalysis/log_corpus. A folder with other labelled logs has NAME_2k.log and
NAME_2k.log_structured.csv for each system, as LogHub (https://github.com/logpai/loghub). Both
programs get raw lines and their defaults. CPU time is measured for the mixed log of log_file.py, in
this process.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.loganalysis.log_file import make_log as make_mixed_log
from loganalysis.templates.collector import overview_collector
from tests.support.loganalysis.log_corpus.accuracy import grouping_accuracy, templates_of_lines
from tests.support.loganalysis.log_corpus.corpus import FORMATS, HELD_BACK, make_log

Labelled = tuple[str, Sequence[bytes], Sequence[Hashable]]
"""The name of a log, its lines, and the label of each."""


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def drain3_miner() -> Any:
    """A drain3 miner with its defaults."""
    try:
        drain3 = import_module("drain3")
        settings = import_module("drain3.template_miner_config")
    except ImportError:
        raise SystemExit("pip install drain3") from None
    config = settings.TemplateMinerConfig()
    config.profiling_enabled = False
    return drain3.TemplateMiner(config=config)


def drain3_groups(lines: Sequence[bytes]) -> list[int]:
    """The cluster of each line."""
    miner = drain3_miner()
    return [miner.add_log_message(line.decode(errors="replace"))["cluster_id"] for line in lines]


def folder_logs(folder: Path) -> Iterator[Labelled]:
    """The labelled logs of a folder."""
    for file in sorted(folder.glob("*_2k.log")):
        lines = file.read_bytes().split(b"\n")
        with file.with_name(f"{file.name}_structured.csv").open(encoding="utf-8") as table:
            labels = [row["EventId"] for row in csv.DictReader(table)]
        yield file.name.removesuffix("_2k.log"), lines[: len(labels)], labels


def corpus_logs(names: Sequence[str]) -> Iterator[Labelled]:
    """Logs of the corpus."""
    for name in names:
        yield name, *make_log(name)


def compare(title: str, logs: Iterator[Labelled]) -> None:
    """Print the accuracy for each log, and the mean."""
    scores: list[tuple[float, float]] = []
    _show(f"{title:<24} overview  drain3")
    for name, lines, labels in logs:
        found: list[Sequence[Hashable]] = [templates_of_lines(lines), drain3_groups(lines)]
        ours, theirs = (grouping_accuracy(each, labels) for each in found)
        scores.append((ours, theirs))
        _show(f"{name:<24} {ours:8.3f} {theirs:7.3f}")
    means = [fmean(each) for each in zip(*scores, strict=True)]
    _show(f"{'mean':<24} {means[0]:8.3f} {means[1]:7.3f}\n")


def cpu_seconds(work: Callable[[], Any]) -> float:
    """The CPU time of a call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def measure_speed(size: int, drain3_size: int) -> None:
    """Print bytes and lines per CPU second, for the same log; drain3 gets the start of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mixed.log")
        make_mixed_log(file, size)
        data = file.read_bytes()
    head = data[: data.rfind(b"\n", 0, drain3_size) + 1].splitlines()

    def ours() -> None:
        collector = overview_collector(0.0)
        collector.feed(memoryview(data))
        collector.finish()

    for name, work, bytes_, lines in (
        ("overview", ours, len(data), data.count(b"\n")),
        ("drain3", lambda: drain3_groups(head), sum(map(len, head)) + len(head), len(head)),
    ):
        seconds = min(cpu_seconds(work) for _ in range(3))
        _show(f"{name:<10} {bytes_ / seconds / 1e6:8.1f} MB/s {lines / seconds:12,.0f} lines/s")


def main() -> None:
    """Compare accuracy, then speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="other labelled logs")
    parser.add_argument("--size-mb", type=int, default=200)
    arguments = parser.parse_args()
    compare("corpus", corpus_logs([name for name in FORMATS if name not in HELD_BACK]))
    compare("corpus, held back", corpus_logs(HELD_BACK))
    if arguments.folder:
        compare(arguments.folder.name, folder_logs(arguments.folder))
    measure_speed(arguments.size_mb << 20, 20 << 20)


if __name__ == "__main__":
    main()
