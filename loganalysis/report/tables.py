"""The parts of a result as tables, for pages and for CSV.

Parts of a result that its request did not ask for make no tables.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from loganalysis.read.json_values import JsonValue

Result = Mapping[str, JsonValue]
Cell = str | int | float | bool | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of texts that spreadsheets would run as a formula."""
_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_OFF_AXIS = ("before", "after")
"""The counts of lines that the axis of a timeline leaves out."""
PERCENTILES = ("p50", "p95", "p99")
MAX_FILLED = 2000
"""The most times for which a table of histograms has zeros."""


@dataclass(frozen=True)
class Table:
    """A table with a name for programs and a title for people. Each row has a cell per column."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def without(self, columns: Sequence[int]) -> "Table":
        """Return the table without the columns that have these numbers."""
        kept = [number for number in range(len(self.columns)) if number not in columns]
        rows = [[row[number] for number in kept] for row in self.rows]
        return Table(self.name, self.title, [self.columns[number] for number in kept], rows)

    def to_csv(self) -> str:
        """The table as CSV with a header (RFC 4180).

        A text that a spreadsheet would run as a formula gets an apostrophe in front.
        """
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(self.columns)
        writer.writerows([_csv_cell(cell) for cell in row] for row in self.rows)
        return file.getvalue()


def tables_of(result: Result) -> list[Table]:
    """Return the tables of a result that have rows, in the order of a page."""
    found = [build(result) for build in _BUILDERS]
    return [table for table in found if table.rows]


def _csv_cell(cell: Cell) -> Cell:
    if isinstance(cell, bool):
        return str(cell).lower()
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


_NO_FACTS = ("time_span", "line_index", "access_points")


def _file(result: Result) -> Table:
    names = ("lines", "records", "counted", "bytes")
    facts = {name: result[name] for name in names if name in result}
    first, last = result["file"].get("time_span") or (None, None)
    others = {k: v for k, v in result["file"].items() if k not in _NO_FACTS}
    selected = result.get("selected") or {}
    facts |= {f"selected_{name}": value for name, value in selected.items()}
    facts |= {"first_time": first, "last_time": last, **others}
    timeline = result.get("timeline") or {}
    facts |= {f"lines_{name}_axis": timeline[name] for name in _OFF_AXIS if name in timeline}
    log_format = (result.get("overview") or {}).get("format") or {}
    facts |= {f"log_{name}": value for name, value in log_format.items()}
    rows = [(name, value) for name, value in facts.items() if value is not None]
    return Table("file", "File", ("name", "value"), rows)


def _patterns(result: Result) -> Table:
    names = ("matching_lines", "first_line", "last_line")
    columns = ("pattern", "count", *(names if "matching_lines" in result else ()))
    rows = [
        (pattern, count, *(result[name][pattern] for name in columns[2:]))
        for pattern, count in (result.get("counts") or {}).items()
    ]
    unit = _unit(result)
    columns = tuple(f"matching_{unit}" if name == names[0] else name for name in columns)
    return Table("patterns", "Patterns", columns, rows)


def _timeline(result: Result) -> Table:
    """Lines over time: one axis for all patterns, or the times of the histograms."""
    timeline = result.get("timeline")
    if timeline:
        unit = _unit(result)
        series = {unit: timeline["total"], **_series(timeline, _template_texts(result), unit)}
        times = bin_starts(timeline)
        rows = list(zip(times, *series.values(), strict=True))
        return Table("timeline", f"{unit.capitalize()} over time", ("time", *series), rows)
    histograms = result.get("histogram") or {}
    by_time: dict[str, dict[str, int]] = {}
    for pattern, found in histograms.items():
        for start, lines in found["lines"]:
            by_time.setdefault(start, {})[pattern] = lines
    units = {found["unit"] for found in histograms.values()}
    if len(units) == 1:
        for start in _between(min(by_time, default=""), max(by_time, default=""), units.pop()):
            by_time.setdefault(start, {})
    rows = [
        (start, *(row.get(pattern, 0) for pattern in histograms))
        for start, row in sorted(by_time.items())
    ]
    return Table("timeline", f"Matching {_unit(result)} over time", ("time", *histograms), rows)


def _unit(result: Result) -> str:
    """The unit in which a result counts: lines or records."""
    return str(result.get("counted", "lines"))


def _between(first: str, last: str, unit: str) -> list[str]:
    """The times from the first to the last one, if they are few: histograms leave out zeros."""
    step = _UNITS.get(unit)
    if not first or step is None:
        return []
    start, end = (datetime.fromisoformat(each.replace("Z", "+00:00")) for each in (first, last))
    count = (end - start) // step + 1
    if count > MAX_FILLED:
        return []
    times = (start + step * number for number in range(count))
    return [each.isoformat(timespec="milliseconds").replace("+00:00", "Z") for each in times]


def _template_texts(result: Result) -> dict[str, str]:
    """The templates by their ids."""
    listed = (result.get("overview") or {}).get("templates") or []
    return {each["id"]: each["template"] for each in listed}


def _series(
    timeline: Mapping[str, JsonValue], texts: Mapping[str, str], unit: str
) -> dict[str, Sequence[int]]:
    """The counts over time of all that a timeline has, with distinct names."""
    found: dict[str, Sequence[int]] = {}
    for kind in ("patterns", "levels", "statuses", "templates"):
        for key, counts in (timeline.get(kind) or {}).items():
            name = texts.get(key, key) if kind == "templates" else key
            found[name if name not in found and name != unit else f"{kind}: {name}"] = counts
    return found


def bin_starts(timeline: Mapping[str, JsonValue]) -> list[str]:
    """The times at which the bins of a timeline begin; none if no line has a time."""
    if not timeline["bins"]:
        return []
    start = datetime.fromisoformat(timeline["start"].replace("Z", "+00:00"))
    step = timedelta(seconds=timeline["bin_seconds"])
    times = (start + step * number for number in range(timeline["bins"]))
    return [each.isoformat().replace("+00:00", "Z") for each in times]


def _by_name(kind: str, title: str, column: str) -> Callable[[Result], Table]:
    def build(result: Result) -> Table:
        counts = (result.get("overview") or {}).get(kind) or {}
        return Table(kind, title, (column, "count"), list(counts.items()))

    return build


def _templates(result: Result) -> Table:
    listed = (result.get("overview") or {}).get("templates") or []
    rows = [tuple(each.get(column) for column in _TEMPLATE) for each in listed]
    return Table("templates", "Message templates", _TEMPLATE, rows)


def _bursts(result: Result) -> Table:
    """The bursts. A burst of a template has the template's text, not its id."""
    columns = ("kind", "key", "from", "until", "count", "expected")
    texts = _template_texts(result)
    rows = [
        (
            each["kind"],
            texts.get(each["key"], each["key"]),
            *(each.get(name) for name in columns[2:]),
        )
        for each in (result.get("overview") or {}).get("bursts") or []
    ]
    return Table("bursts", "Bursts", columns, rows)


def _explanations(result: Result) -> Table:
    """A row for each reason of each explanation."""
    rows = [
        (each["from"], each["until"], each["lines"], reason)
        for each in (result.get("overview") or {}).get("explanations") or []
        for reason in each["reasons"]
    ]
    columns = ("from", "until", "lines", "reason")
    return Table("explanations", "What explains the bursts", columns, rows)


def _fields(result: Result) -> Table:
    rows = [
        (name, each["value"], each["count"], each.get("error", 0))
        for name, found in (result.get("fields") or {}).items()
        for each in found.get("top") or []
    ]
    return Table("fields", "Most frequent values", ("field", "value", "count", "error"), rows)


def _fields_over_time(result: Result) -> Table:
    """A row for each field and time, and one for each of its most frequent values and time."""
    timeline = result.get("timeline") or {}
    times = bin_starts(timeline) if timeline else []
    rows: list[tuple[Cell, ...]] = []
    for name, field in (result.get("fields") or {}).items():
        found = field.get("over_time") or {}
        if not found or not times:
            continue
        numbers = [found[each] or [None] * len(times) for each in PERCENTILES]
        figures = zip(times, found["count"], found["distinct"], *numbers, strict=True)
        rows += [(name, None, *row) for row in figures]
        for each in found["top"]:
            counted = zip(times, each["counts"], strict=True)
            rows += [(name, each["value"], *row, None, None, None, None) for row in counted]
    columns = ("field", "value", "time", "count", "distinct", *PERCENTILES)
    return Table("fields_over_time", "Fields over time", columns, rows)


def _numbers(result: Result) -> Table:
    names = ("count", "min", "mean", "max", *PERCENTILES)
    rows = [
        (name, *(found["number"].get(each) for each in names))
        for name, found in (result.get("fields") or {}).items()
        if found.get("number")
    ]
    return Table("numbers", "Numbers", ("field", *names), rows)


def _samples(result: Result) -> Table:
    rows = list(_sample_rows(result.get("samples") or {}))
    title = f"Sample {_unit(result)}"
    return Table("samples", title, ("pattern", "line", "time", "text"), rows)


def _sample_rows(samples: Mapping[str, JsonValue]) -> Iterator[tuple[Cell, ...]]:
    """Samples are texts or, with context, objects with the neighbouring lines."""
    for pattern, found in samples.items():
        for each in found:
            if isinstance(each, str):
                yield pattern, None, None, each
            else:
                lines = (*(each.get("before") or ()), each["text"], *(each.get("after") or ()))
                yield pattern, each.get("line"), each.get("time"), "\n".join(lines)


def _members(result: Result) -> Table:
    """The files of an archive, with the figures of each, and the occurrences of each pattern."""
    patterns = list(result.get("counts") or {})
    rows = [
        (
            each["name"],
            each["lines"],
            each["bytes"],
            each["error"] and each["error"]["message"],
            *((each["counts"] or {}).get(pattern) for pattern in patterns),
        )
        for each in result.get("members") or []
    ]
    columns = ("member", "lines", "bytes", "error", *patterns)
    return Table("members", "Files of the archive", columns, rows)


def _warnings(result: Result) -> Table:
    rows = [(each["code"], each["message"]) for each in result.get("warnings") or []]
    return Table("warnings", "Warnings", ("code", "message"), rows)


_TEMPLATE = (
    "count",
    "template",
    "level",
    "state",
    "first_line",
    "last_line",
    "first_time",
    "last_time",
    "sample",
)
_BUILDERS: tuple[Callable[[Result], Table], ...] = (
    _file,
    _warnings,
    _patterns,
    _members,
    _timeline,
    _by_name("levels", "Levels", "level"),
    _by_name("statuses", "Classes of statuses", "status"),
    _bursts,
    _explanations,
    _templates,
    _fields,
    _numbers,
    _fields_over_time,
    _samples,
)
