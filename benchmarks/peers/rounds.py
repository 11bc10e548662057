"""Measures all contestants in turn, in several rounds."""

import sys
import traceback
from collections.abc import Iterator, Sequence

from benchmarks.peers.contestant import Contestant
from benchmarks.peers.findings import MEASURES, Findings
from benchmarks.peers.table import number


def measure_all(contestants: Sequence[Contestant], rounds: int, jobs: int) -> Iterator[Findings]:
    """Yield the figures so far after each round. A failed measure is not tried again."""
    findings = Findings()
    for turn in range(rounds):
        for measure in MEASURES:
            for each in contestants:
                if measure in each.measures and not each.missing:
                    _measure(each, measure, jobs, findings, f"round {turn + 1} of {rounds}")
        yield findings


def _measure(each: Contestant, measure: str, jobs: int, findings: Findings, when: str) -> None:
    if findings.failed(each.key, measure):
        return
    try:
        values = each.measures[measure](jobs)
    except (Exception, SystemExit) as error:
        findings.fail(each.key, measure)
        text = "".join(traceback.format_exception(error))
        sys.stderr.write(f"{when}, {each.key}, {measure}: failed: {text}\n")
        return
    findings.add(each.key, measure, values)
    text = ", ".join(
        f"{number(value)} {figure.unit}"
        for figure, value in zip(MEASURES[measure], values, strict=True)
    )
    sys.stderr.write(f"{when}, {each.key}, {measure}: {text}\n")
