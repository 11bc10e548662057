"""Formats findings as Markdown tables."""

from collections.abc import Sequence

from benchmarks.peers.contestant import Contestant
from benchmarks.peers.findings import (
    FILLED,
    FOLLOWED_P50,
    FOLLOWED_P95,
    GONE_P50,
    GONE_P95,
    OURS,
    RESULT,
    RUN,
    SEQUENTIAL,
    STATUS,
    SUBMIT,
    SUBMIT_P50,
    SUBMIT_P99,
    TRIP,
    Figure,
    Findings,
    measure_of,
)

TABLES = (
    (RUN, FILLED, SEQUENTIAL, TRIP),
    (SUBMIT, SUBMIT_P50, SUBMIT_P99, STATUS, RESULT),
    (GONE_P50, GONE_P95, FOLLOWED_P50, FOLLOWED_P95),
)
NOTHING = "–"  # noqa: RUF001
LEGEND = "In brackets: how many times as good Job Service on SQLite is."


def report(contestants: Sequence[Contestant], findings: Findings, circumstances: str) -> str:
    """All tables, with the circumstances of the measurement."""
    parts = [f"{circumstances} {LEGEND}"]
    parts += [
        of_figures(takers, findings, figures)
        for figures in TABLES
        if (takers := [each for each in contestants if _takes_part(each, figures)])
    ]
    return "\n\n".join([*parts, of_settings(contestants)]) + "\n"


def of_figures(
    contestants: Sequence[Contestant], findings: Findings, figures: Sequence[Figure]
) -> str:
    """A row for each contestant, a column for each figure."""
    titles = [f"{figure.title}, {figure.unit}" for figure in figures]
    lines = [_row("", *titles), _rule(len(figures) + 1)]
    for each in contestants:
        lines.append(_row(each.title, *(cell(each, findings, figure) for figure in figures)))
    return "\n".join(lines)


def of_settings(contestants: Sequence[Contestant]) -> str:
    """The versions and settings of each contestant."""
    lines = [_row("", "versions", "settings", "synced to disk before yes"), _rule(4)]
    for each in contestants:
        synced = "yes" if each.synced else "no"
        lines.append(_row(each.title, ", ".join(each.versions), each.settings, synced))
    return "\n".join(lines)


def cell(contestant: Contestant, findings: Findings, figure: Figure) -> str:
    """The median and the ratio to ours, or the reason why there is none."""
    if measure_of(figure) not in contestant.measures:
        return NOTHING
    if contestant.missing:
        return f"skipped: {contestant.missing}"
    if findings.failed(contestant.key, measure_of(figure)):
        return "failed"
    median = findings.median(contestant.key, figure)
    if median is None:
        return NOTHING
    ratio = findings.times_ours(contestant.key, figure)
    if contestant.key == OURS or ratio is None:
        return number(median)
    return f"{number(median)} ({number(ratio)})"


def number(value: float) -> str:
    """A number with up to three significant digits: 12,345, 123, 12.3, 1.23, 0.12."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _takes_part(contestant: Contestant, figures: Sequence[Figure]) -> bool:
    return any(measure_of(figure) in contestant.measures for figure in figures)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|---" * columns + "|"
