"""The result of an analysis as one HTML file that needs nothing else.

It has no script, and loads nothing: charts are inline SVG, and the style is in the file. It can be
mailed, archived, read offline and printed.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape

from loganalysis.read.json_values import JsonValue
from loganalysis.report.charts import bar, bar_chart, line_chart
from loganalysis.report.tables import PERCENTILES, Cell, Table, bin_starts, tables_of

MAX_CHARTS = 20
"""The charts of the most frequent series; all others are in the CSV of the table."""
MAX_VALUES = 5
"""Values of a field that have a chart."""
MAX_COLUMNS = 12
"""A wider table of times is only in the CSV."""
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #2a6fdb; --quiet: #6b7280; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; break-after: avoid; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; break-after: avoid; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
.quiet { color: var(--quiet); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .6rem .2rem 0; text-align: left;
  vertical-align: top; }
td { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.text { font-family: ui-monospace, monospace; white-space: pre-wrap; }
.chart { display: block; height: auto; width: 100%; break-inside: avoid; }
.chart text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
.share { display: block; height: .6em; margin-top: .45em; width: 8rem; }
.bar { fill: var(--bar); }
.axis { stroke: var(--line); }
.line { fill: none; stroke: currentColor; }
.s0 { color: #2a6fdb; } .s1 { color: #d97706; stroke-dasharray: 6 2; }
.s2 { color: #dc2626; stroke-dasharray: 2 2; }
.chart text.s0, .chart text.s1, .chart text.s2 { fill: currentColor; }
.significant { font-weight: 600; }
@media print {
  body { font-size: 10pt; margin: 0; max-width: none; }
  table { font-size: 8.5pt; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .wide { overflow: visible; }
}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""The Content-Security-Policy of a page: its own style, and nothing else."""
_TEXTS = frozenset({"pattern", "template", "sample", "text", "value", "key"})
"""Columns with pieces of the file."""


def html_page(
    name: str,
    result: Mapping[str, JsonValue],
    about: str = "",
    added: tuple[Table, str] | None = None,
) -> str:
    """Return the page about the result of an analysis.

    `name` is the name of the file, and `about` a line below it. `added` is a further table, such as
    one of changes, with a note about it; its rows that are `significant` are bold.
    """
    tables = tables_of(result)
    if added:  # after the facts, and before all others
        facts = sum(table.name in ("file", "warnings") for table in tables)
        tables.insert(facts, added[0])
    parts = [f"<h1>{escape(name)}</h1>", f'<p class="quiet">{escape(about)}</p>' if about else ""]
    for table in tables:
        note = added[1] if added and table is added[0] else ""
        parts.extend(_section(table, result, note))
    for table in tables:
        if table.name == "timeline" and len(table.columns) <= MAX_COLUMNS:
            parts += [f'<h2 id="times">{escape(table.title)}, in numbers</h2>', *_table(table)]
    body = "\n".join(filter(None, parts))
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>Analysis of {escape(name)}</title>\n<style>{_STYLE}</style>\n"
        f"<main>\n{body}\n</main>\n</html>\n"
    )


def _section(table: Table, result: Mapping[str, JsonValue], note: str) -> Iterator[str]:
    yield f'<h2 id="{table.name}">{escape(table.title)}</h2>'
    if table.name == "timeline":
        yield from _charts(table)
        return
    if table.name == "fields_over_time":
        yield from _field_charts(result)
        return
    if note:
        yield f"<p>{escape(note)}</p>"
    yield from _table(table)


def _charts(table: Table) -> Iterator[str]:
    """Yield a chart for each of the most frequent columns. Their table is at the end."""
    first, last = str(table.rows[0][0]), str(table.rows[-1][0])
    series = {
        name: [int(row[index] or 0) for row in table.rows]
        for index, name in enumerate(table.columns)
        if index
    }
    shown = sorted(series, key=lambda name: -sum(series[name]))[:MAX_CHARTS]
    for name in (each for each in series if each in shown):
        yield f"<h3>{escape(_shown(name))}</h3>"
        yield bar_chart(name, series[name], first, last)
    if len(shown) < len(series):
        others = len(series) - len(shown)
        yield f'<p class="quiet">{others} more are in the table as CSV.</p>'


def _field_charts(result: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield charts of each field: its percentiles, or else the lines with its frequent values."""
    times = bin_starts(result["timeline"])
    for name, field in result["fields"].items():
        found = field.get("over_time")
        if not found:
            continue
        yield f"<h3>{escape(_shown(name))}</h3>"
        if found["p50"]:
            series = {each: found[each] for each in PERCENTILES}
            yield line_chart(name, series, times[0], times[-1])
            continue
        for each in found["top"][:MAX_VALUES]:
            yield f'<p class="text">{escape(_shown(each["value"]))}</p>'
            yield bar_chart(f"{name} {each['value']}", each["counts"], times[0], times[-1])
    yield '<p class="quiet">The numbers are in the table fields_over_time as CSV.</p>'


def _table(table: Table) -> Iterator[str]:
    table = table.without(_empty_columns(table))
    is_number = [
        any(_counts(row[index]) for row in table.rows)
        and all(row[index] is None or _counts(row[index]) for row in table.rows)
        for index in range(len(table.columns))
    ]
    has_bars = table.name in ("patterns", "levels", "statuses", "fields", "templates")
    counts = table.columns.index("count") if has_bars else 0
    most = max((int(row[counts] or 0) for row in table.rows), default=0) if has_bars else 0
    bold = table.columns.index("significant") if "significant" in table.columns else None
    heads = [
        f'<th scope="col"{_class("number") if is_number[index] else ""}>{escape(_title(name))}</th>'
        for index, name in enumerate(table.columns)
    ]
    yield '<div class="wide"><table>'
    yield f"<thead><tr>{''.join(heads)}{'<td></td>' if has_bars else ''}</tr></thead><tbody>"
    for row in table.rows:
        cells = [
            _cell(cell, name, is_number=number)
            for cell, name, number in zip(row, table.columns, is_number, strict=True)
        ]
        if has_bars:
            cells.append(f"<td>{bar(int(row[counts] or 0) / most) if most else ''}</td>")
        is_bold = bold is not None and row[bold]
        yield f"<tr{_class('significant') if is_bold else ''}>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _empty_columns(table: Table) -> list[int]:
    """The columns that say nothing: without a value, or bounds that no count has."""
    return [
        index
        for index, name in enumerate(table.columns)
        if all(row[index] is None for row in table.rows)
        or (name.endswith("_is_bound") and not any(row[index] for row in table.rows))
    ]


def _class(name: str) -> str:
    return f' class="{name}"'


def _counts(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _cell(cell: Cell, column: str, *, is_number: bool) -> str:
    kind = "number" if is_number else "text" if column in _TEXTS else ""
    return f"<td{_class(kind) if kind else ''}>{escape(_shown(cell))}</td>"


def _shown(cell: Cell) -> str:
    """A cell for people: separators in large numbers, yes and no, and no control characters."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:,.6g}"
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in cell
    )


def _title(column: str) -> str:
    return column.replace("_", " ")
