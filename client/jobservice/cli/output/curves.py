"""Curves of counts and of other figures over time, as characters."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, Output

CURVE_WIDTH = 100


def show(output: Output, timeline: Mapping[str, Any], rows: Mapping[str, Sequence[int]]) -> None:
    """Write a table with a curve for each row of counts.

    A character stands for one bin of the timeline or for several, whose counts are added up.
    """
    shown: list[list[Cell]] = []
    for name, counts in rows.items():
        joined = [sum(group) for group in _groups(counts, timeline)]
        curve = formats.curve(joined, output.ascii_only)
        shown.append([output.shortened(name), formats.number(max(joined)), (curve, "cyan")])
    _table(output, timeline, shown)


def show_figures(
    output: Output, timeline: Mapping[str, Any], rows: Mapping[str, Sequence[float | None]]
) -> None:
    """Write a table with a curve for each row of figures.

    A character of a curve stands for one or more bins, and shows their largest figure. Negative
    figures are shown as zero, and a bin without a figure as a space.
    """
    shown: list[list[Cell]] = []
    for name, figures in rows.items():
        known = [
            [each for each in group if each is not None] for group in _groups(figures, timeline)
        ]
        most = max((each for group in known for each in group), default=0.0)
        scale = 1000 / most if most > 0 else 0.0
        heights = [max(0, round(scale * max(group, default=0.0))) for group in known]
        curve = formats.curve(heights, output.ascii_only)
        shown.append([output.shortened(name), f"{most:.6g}", (curve, "cyan")])
    _table(output, timeline, shown)


def _groups(values: Sequence[Any], timeline: Mapping[str, Any]) -> list[Sequence[Any]]:
    size = _bins_of_character(timeline)
    return [values[at : at + size] for at in range(0, len(values), size)]


def _bins_of_character(timeline: Mapping[str, Any]) -> int:
    return int(-(-timeline["bins"] // CURVE_WIDTH))


def _table(output: Output, timeline: Mapping[str, Any], rows: list[list[Cell]]) -> None:
    seconds = formats.duration(timeline["bin_seconds"] * _bins_of_character(timeline))
    begin = formats.utc(timeline["start"])
    output.table(["OVER TIME", "MOST", f"{seconds} each, from {begin} UTC"], rows, right=["MOST"])
