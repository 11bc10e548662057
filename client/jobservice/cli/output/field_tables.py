"""The fields of a result as tables with bars and curves."""

from collections.abc import Mapping, Sequence

from jobservice.cli.output import curves, formats
from jobservice.cli.output.console import Cell, Output
from jobservice.json_values import JsonValue

PERCENTILES = ("p50", "p95", "p99")


def show(
    output: Output,
    name: str,
    found: Mapping[str, JsonValue],
    timeline: Mapping[str, JsonValue] | None,
    unit: str,
) -> None:
    """Write a line about a field, one row per frequent value and, if it was counted over time, one
    curve per percentile or per value. `unit` is what was counted."""
    about = "about " if found["distinct_error"] else ""
    distinct = f"{about}{formats.counted(found['distinct'], 'different value')}"
    output.line(
        f"\n{name}: {distinct} in {formats.counted(found['count'], unit.removesuffix('s'))}"
    )
    if number := found["number"]:
        names = ("min", "mean", "p50", "p95", "p99", "max")
        output.line("  " + ", ".join(f"{each} {number[each]:.6g}" for each in names))
    if found["top"]:
        _show_values(output, found["top"])
    if timeline and timeline["bins"] and (over_time := found.get("over_time")):
        _show_over_time(output, over_time, timeline, unit)


def _show_values(output: Output, top: Sequence[Mapping[str, JsonValue]]) -> None:
    most = top[0]["count"]
    rows: list[list[Cell]] = [
        [
            output.shortened(each["value"]),
            ("≤ " if each["error"] else "") + formats.number(each["count"]),
            output.bar(each["count"], most),
        ]
        for each in top
    ]
    output.table(["VALUE", "COUNT", ""], rows, right=["COUNT"])


def _show_over_time(
    output: Output, found: Mapping[str, JsonValue], timeline: Mapping[str, JsonValue], unit: str
) -> None:
    """The percentiles of a field with numbers, or the lines with each of the frequent values."""
    output.line()
    if found["p50"]:
        curves.show_figures(output, timeline, {name: found[name] for name in PERCENTILES})
    else:
        tops = {each["value"]: each["counts"] for each in found["top"]}
        curves.show(output, timeline, {unit: found["count"], **tops})
