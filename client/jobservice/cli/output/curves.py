"""Curves of counts and of other figures over time, as characters."""

from collections.abc import Iterable, Mapping, Sequence

from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, Output
from jobservice.json_values import JsonValue

CURVE_WIDTH = 100
_LEAST_WIDTH = 10
_GAPS = 4  # columns between the three of the table
_FIGURE = 12  # the width of a figure with six digits


def show(
    output: Output, timeline: Mapping[str, JsonValue], rows: Mapping[str, Sequence[int]]
) -> None:
    """Write a table with a curve for each row of counts.

    A character stands for one bin of the timeline or for several, whose counts are added up.
    """
    shown: list[list[Cell]] = []
    most = max(len(formats.number(sum(counts))) for counts in rows.values())
    size = _bins_of_character(output, timeline, rows, most)
    for name, counts in rows.items():
        joined = [sum(group) for group in _groups(counts, size)]
        curve = formats.curve(joined, output.ascii_only)
        shown.append([output.shortened(name), formats.number(max(joined)), (curve, "cyan")])
    _table(output, timeline, shown, size)


def show_figures(
    output: Output, timeline: Mapping[str, JsonValue], rows: Mapping[str, Sequence[float | None]]
) -> None:
    """Write a table with a curve for each row of figures.

    A character of a curve stands for one or more bins, and shows their largest figure. Negative
    figures are shown as zero, and a bin without a figure as a space.
    """
    shown: list[list[Cell]] = []
    size = _bins_of_character(output, timeline, rows, _FIGURE)
    for name, figures in rows.items():
        known = [[each for each in group if each is not None] for group in _groups(figures, size)]
        most = max((each for group in known for each in group), default=0.0)
        scale = 1000 / most if most > 0 else 0.0
        heights = [max(0, round(scale * max(group, default=0.0))) for group in known]
        curve = formats.curve(heights, output.ascii_only)
        shown.append([output.shortened(name), f"{most:.6g}", (curve, "cyan")])
    _table(output, timeline, shown, size)


def _groups(values: Sequence[JsonValue], size: int) -> list[Sequence[JsonValue]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def _bins_of_character(
    output: Output, timeline: Mapping[str, JsonValue], names: Iterable[str], most: int
) -> int:
    """How many bins a character stands for, so that the curves fit beside their names and figures.

    `most` is the width of the column of figures.
    """
    width = CURVE_WIDTH
    if output.on_terminal:
        first = max(len(output.shortened(name)) for name in ("OVER TIME", *names))
        room = output.console.width - first - max(most, len("MOST")) - _GAPS
        width = max(min(width, room), _LEAST_WIDTH)
    return int(-(-timeline["bins"] // width))


def _table(
    output: Output,
    timeline: Mapping[str, JsonValue],
    rows: list[list[Cell]],
    bins_of_character: int,
) -> None:
    seconds = formats.duration(timeline["bin_seconds"] * bins_of_character)
    begin = formats.utc(timeline["start"])
    output.table(["OVER TIME", "MOST", f"{seconds} each, from {begin} UTC"], rows, right=["MOST"])
