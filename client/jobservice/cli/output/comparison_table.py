"""The comparison of two analyses as a table."""

from collections.abc import Mapping, Sequence

from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, Output
from jobservice.json_values import JsonValue

MAX_NAME = 60
COLUMNS = ("CHANGE", "KIND", "NAME", "BEFORE", "AFTER", "RATE", "PER HOUR", "P")
NUMBERS = ("BEFORE", "AFTER", "RATE", "PER HOUR", "P")
STYLES = {"new": "red", "more": "red", "gone": "green", "less": "green"}


def show(output: Output, comparison: Mapping[str, JsonValue], *, every: bool) -> None:
    """Write the significant changes, or all counts, and a summary."""
    counts: Sequence[Mapping[str, JsonValue]] = comparison["counts"]
    shown = [each for each in counts if every or each["significant"]]
    if shown:
        output.table(COLUMNS, [_row(output, each) for each in shown], right=NUMBERS)
        output.line()
    output.line(summary(comparison))


def summary(comparison: Mapping[str, JsonValue]) -> str:
    """Such as: 1 new, 2 more frequent among 12 counts of 90,000 lines, before 100,000."""
    words = {"new": "new", "more": "more frequent", "gone": "gone", "less": "less frequent"}
    changes = [f"{n} {words[each]}" for each in words if (n := comparison["changes"][each])]
    unit = "records" if comparison["significance"]["per"] == "record" else "lines"
    sizes = [_size(comparison[side], unit) for side in ("after", "before")]
    found = ", ".join(changes) or "no significant change"
    number = len(comparison["counts"])
    counts = formats.counted(number, "count")
    return f"{found} among {counts} of {sizes[0]}, before {sizes[1]}"


def _size(side: Mapping[str, JsonValue], unit: str) -> str:
    lines = side["lines"]
    return formats.size(side["bytes"]) if lines is None else f"{formats.number(lines)} {unit}"


def _row(output: Output, count: Mapping[str, JsonValue]) -> list[Cell]:
    name = f"{count['field']}: {count['name']}" if count["field"] else count["name"]
    change, style = count["change"], STYLES.get(count["change"], "")
    return [
        (change, style) if count["significant"] else f"({change})",
        count["kind"],
        output.shortened(name, MAX_NAME),
        _count(count["before"], is_bound=count["before_is_bound"]),
        _count(count["after"], is_bound=count["after_is_bound"]),
        _factor(count["ratio"]),
        _factor(count["ratio_per_hour"]),
        f"{count['p']:.2g}",
    ]


def _count(value: int, *, is_bound: bool) -> str:
    return ("<=" if is_bound else "") + formats.number(value)


def _factor(value: float | None) -> str:
    return "" if value is None else f"x{value:.3g}"
