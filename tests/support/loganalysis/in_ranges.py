"""Results of whole files, and of the same files scanned in ranges, to compare them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loganalysis.match.patterns import Pattern
from loganalysis.scan import ranges
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json


def ignore_progress(reports: dict[str, Any]) -> None:
    """Ignore progress."""


def whole(file: Path, patterns: Sequence[Pattern], options: AnalysisOptions) -> dict[str, Any]:
    """The result of a file that is scanned at once."""
    return comparable(to_json(analyze(file, patterns, options, ignore_progress), options))


def in_ranges(
    file: Path, range_bytes: int, patterns: Sequence[Pattern], options: AnalysisOptions
) -> dict[str, Any]:
    """The result of a file that is scanned in ranges, which this process scans, to save forks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "MIN_BYTES", 1)
        patch.setattr(ranges, "RANGE_BYTES", range_bytes)
        patch.setattr(ranges, "run_ranges", _run_here)
        found = analyze(file, patterns, options, ignore_progress, processes=2)
    return comparable(to_json(found, options))


def _run_here(
    work: Callable[[int, Callable[[Any], None]], bytes],
    count: int,
    _processes: int,
    on_progress: Callable[[int, Any], None],
    on_result: Callable[[int, bytes], None],
) -> None:
    for number in range(count):
        on_result(number, work(number, partial(on_progress, number)))


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """The result without the values that depend on time."""
    for name in ("seconds", "bytes_per_second", "line_index"):
        del result["file"][name]
    return result
