"""The overview of a file, from the table of its shapes: as the JSON that clients get."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from loganalysis.count.joined_lines import LINE_END, unjoined
from loganalysis.formats import detect
from loganalysis.read.json_values import Json
from loganalysis.templates.bursts import bursts
from loganalysis.templates.headers import Words
from loganalysis.templates.levels import level_of, status_of
from loganalysis.templates.mine import mine
from loganalysis.templates.shapes import VARIABLE
from loganalysis.templates.table import Shape, ShapeTable
from loganalysis.times.axis import Axis, axis_of
from loganalysis.times.histogram import rfc3339

MAX_TEMPLATES = 50
MAX_BURSTS = 100
SHOWN_BYTES = 1000
"""Of a sample."""
_MIN_LINES = 7
"""Of a template that is new or gone. If its lines were spread evenly, all of them would be in one
half of the file with a probability below 1 %."""
_TYPICAL_LINES = 200
"""From which the format is detected."""
_EDGE = 0.1
"""A template is new only if it is found in this last part of the file, or gone only if in this
first part."""


@dataclass
class _Template:
    """A template and the lines of all its shapes. Its level is the one of most of its lines."""

    words: Words
    lines: Shape
    level: str | None


def overview(
    table: ShapeTable, modified: float, axis: Axis | None = None
) -> tuple[Json, Json | None]:
    """The overview of a file, and the timeline if lines have times.

    `modified` is the time of the file in epoch seconds. `axis` is the one of a timeline that counts
    the same lines; without it, the lines of the table determine the axis.
    """
    form = detect(_typical_lines(table), modified)
    levels, statuses = _series(table)
    templates = _templates(table)
    shown = {f"t{number + 1}": each for number, each in enumerate(templates[:MAX_TEMPLATES])}
    total, width = _total(table), table.bin_seconds
    axis = axis or axis_of(total.items(), width)
    rows: dict[str, dict[str, list[int]]] = {}
    if axis:
        series = {
            **{"levels": levels, "statuses": statuses},
            "templates": {id_: each.lines for id_, each in shown.items()},
        }
        rows = {
            name: {key: axis.row(each.bins.items(), width) for key, each in of_name.items()}
            for name, of_name in series.items()
        }
    on_axis = axis.row(total.items(), width) if axis else []
    found = _bursts(axis, rows, on_axis)
    in_burst = {each["key"] for each in found if each["kind"] == "template"}
    shown_templates = [
        _shown(id_, each, _state(each.lines, _counted(table), id_ in in_burst))
        for id_, each in shown.items()
    ]
    result = {
        "format": {"name": form.name, "title": form.title, "share": round(form.share, 3)},
        "levels": {name: each.count for name, each in levels.items()},
        "statuses": {name: each.count for name, each in statuses.items()},
        "templates": shown_templates,
        "templates_total": len(templates),
        "templates_approximate": table.level > 0,
        "bursts": found,
        "fields": list(form.fields),
    }
    if axis is None:
        return result, None
    undated = sum(shape.count for shape in table.shapes.values()) - total.total()
    return result, {
        **axis.to_json(),
        **{"total": on_axis, "patterns": {}, "undated": undated, **rows},
        **axis.outside(total.items(), width),
    }


def _total(table: ShapeTable) -> Counter[int]:
    """The number of all lines by their bins."""
    total = Counter[int]()
    for shape in table.shapes.values():
        for number, count in shape.bins.items():
            total[number] += count
    return total


def _typical_lines(table: ShapeTable) -> list[bytes]:
    """About _TYPICAL_LINES lines: one of each frequent shape, repeated as its number requires."""
    shapes = sorted(table.shapes.values(), key=lambda shape: (-shape.count, shape.first_line))
    total = sum(shape.count for shape in shapes)
    return [
        shape.sample.partition(LINE_END)[0]  # the first line of a record
        for shape in shapes[:_TYPICAL_LINES]
        for _ in range(max(1, shape.count * _TYPICAL_LINES // total))
    ]


def _series(table: ShapeTable) -> tuple[dict[str, Shape], dict[str, Shape]]:
    """The lines of each level and of each status class, most frequent first."""
    levels: dict[str, Shape] = {}
    statuses: dict[str, Shape] = {}
    for text, shape in table.shapes.items():
        for name, found in ((level_of(text), levels), (status_of(text), statuses)):
            if name is not None:
                _add(found, name, shape)
    return _by_count(levels), dict(sorted(statuses.items()))


def _by_count(found: dict[str, Shape]) -> dict[str, Shape]:
    return dict(sorted(found.items(), key=lambda each: (-each[1].count, each[0])))


def _templates(table: ShapeTable) -> list[_Template]:
    """All templates, most frequent first."""
    words_of = mine({text: shape.count for text, shape in sorted(table.shapes.items())})
    lines: dict[Words, Shape] = {}
    levels: dict[Words, Counter[str | None]] = {}
    for text, shape in table.shapes.items():
        _add(lines, words_of[text], shape)
        levels.setdefault(words_of[text], Counter())[level_of(text)] += shape.count
    found = [
        _Template(words, each, min(levels[words].items(), key=lambda e: (-e[1], e[0] or ""))[0])
        for words, each in lines.items()
    ]
    return sorted(found, key=lambda each: (-each.lines.count, each.lines.first_line, each.words))


def _add(found: dict[Any, Shape], key: Any, shape: Shape) -> None:
    if key in found:
        found[key].merge(shape)
    else:
        found[key] = replace(shape)


def _counted(table: ShapeTable) -> range:
    """The numbers of the lines from the first to the last one that counts."""
    shapes = table.shapes.values()
    return range(
        min((shape.first_line for shape in shapes), default=1),
        max((shape.last_line for shape in shapes), default=0) + 1,
    )


def _state(lines: Shape, counted: range, in_burst: bool) -> str:
    """Whether a template is new, gone, in a burst or steady, by the numbers of its lines."""
    first, last = (number - counted.start + 1 for number in (lines.first_line, lines.last_line))
    total = len(counted)
    if lines.count >= _MIN_LINES:
        if first > total / 2 and last > total * (1 - _EDGE):
            return "new"
        if last <= total / 2 and first <= total * _EDGE:
            return "gone"
    return "burst" if in_burst else "steady"


def _shown(id_: str, template: _Template, state: str) -> Json:
    lines = template.lines
    sample = unjoined(lines.sample.removesuffix(b"\r")[:SHOWN_BYTES])
    return {
        "id": id_,
        "template": text_of(template.words),
        "count": lines.count,
        "first_line": lines.first_line,
        "last_line": lines.last_line,
        "first_time": _time(lines.first_time),
        "last_time": _time(lines.last_time),
        "sample": sample.decode(errors="replace"),
        "level": template.level,
        "state": state,
    }


def text_of(words: Words) -> str:
    """A template as text, with <*> for each variable part."""
    return b" ".join(words).replace(VARIABLE, b"<*>").decode(errors="replace")


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)


def _bursts(
    axis: Axis | None, rows: dict[str, dict[str, list[int]]], total: list[int]
) -> list[Json]:
    """The MAX_BURSTS largest bursts of all series, in the order of their time."""
    if axis is None:
        return []
    number = sum(map(len, rows.values()))
    kinds = {"levels": "level", "statuses": "status", "templates": "template"}
    found: list[tuple[int, Json]] = [
        (
            burst.start,
            {
                "kind": kinds[name],
                "key": key,
                "from": axis.time(burst.start),
                "until": axis.time(burst.end),
                "count": burst.count,
                "expected": round(burst.expected, 1),
            },
        )
        for name, series in rows.items()
        for key, row in series.items()
        for burst in bursts(row, total, number)
    ]
    found.sort(key=lambda entry: entry[1]["expected"] - entry[1]["count"])
    return [each for _, each in sorted(found[:MAX_BURSTS], key=lambda entry: entry[0])]
