"""Prints findings, for people or as JSON."""

import json
from collections import Counter

from admin.doctor.findings.finding import LEVELS, Finding, Level, worst
from storage.records.counted import counted
from storage.records.release import RELEASE

_WIDTH = 9


def as_text(findings: list[Finding]) -> str:
    """Return the findings, the worst ones last, where a terminal shows them."""
    ordered = sorted(findings, key=lambda each: LEVELS.index(each.level))
    counts = Counter(each.level for each in findings)
    summary = [_counted(counts[level], level) for level in reversed(LEVELS) if counts[level]]
    return "\n".join([*map(_lines, ordered), ", ".join(summary)])


def as_json(findings: list[Finding], fixed: list[str]) -> str:
    """Return a JSON object with the worst level, all findings, and lines for what was fixed."""
    document = {
        "release": RELEASE,
        "level": worst(findings),
        "fixed": fixed,
        "findings": [each.document() for each in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _counted(count: int, level: Level) -> str:
    return counted(count, level, "ok" if level == "ok" else "")


def _lines(finding: Finding) -> str:
    first = f"{finding.level:<{_WIDTH}}{finding.check}: {finding.what}"
    more = [("why", finding.why), ("fix", finding.fix)]
    return "\n".join([first, *(f"{'':<{_WIDTH}}{name}: {text}" for name, text in more if text)])
