"""The significant changes since an earlier analysis as plain text, for a terminal.

changes since 0192b1fe-… (app.log), per line:
ERROR         2   80  more x40
level FATAL   0    3  new

All figures:  jobservice diff 0192b1fe-… 0192b1ff-…
"""

from collections.abc import Iterator, Mapping

from server.api.analyses.comparison_document import ComparedCountDocument, ComparisonDocument
from server.api.analyses.text_table import clean, shortened, width
from storage.records.counted import counted
from storage.records.json_values import JsonValue

MOST_CHANGES = 20


def comparison_lines(comparison: ComparisonDocument) -> Iterator[str]:
    """Yield the significant changes, at most MOST_CHANGES, and how to see all figures."""
    before, after = comparison["before"], comparison["after"]
    name = f" ({shortened(before['name'])})" if before["name"] else ""
    changes = [each for each in comparison["counts"] if each["significant"]]
    since, per = f"since {before['job_id']}{name}", comparison["significance"]["per"]
    if changes:
        yield f"changes {since}, per {per}:"
        yield from _rows(changes[:MOST_CHANGES])
        if (more := len(changes) - MOST_CHANGES) > 0:
            yield f"and {more:,} more"
    else:
        number = len(comparison["counts"])
        yield f"no significant change {since}, of {counted(number, 'count')}"
    yield ""
    yield f"All figures:  jobservice diff {before['job_id']} {after['job_id']}"


def not_compared_line(before_id: str, reason: str) -> str:
    """The line for an earlier job whose result cannot be compared."""
    return f"not compared with {before_id}: {clean(reason)}"


def _rows(changes: list[ComparedCountDocument]) -> Iterator[str]:
    """The name of each change with its number before and after, in columns, and how it changed."""
    cells = [
        (
            shortened(_name(each)),
            ("<=" if each["before_is_bound"] else "") + f"{each['before']:,}",
            ("<=" if each["after_is_bound"] else "") + f"{each['after']:,}",
            _change(each),
        )
        for each in changes
    ]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    for name, *numbers, change in cells:
        first = name + " " * (widths[0] - width(name))
        shown = [text.rjust(size) for text, size in zip(numbers, widths[1:], strict=False)]
        yield "  ".join([first, *shown, change])


def _name(count: Mapping[str, JsonValue]) -> str:
    """A pattern and a template name themselves; the others need their kind."""
    if count["kind"] in ("pattern", "template"):
        return str(count["name"])
    return f"{count['field'] or count['kind']} {count['name']}"


def _change(count: ComparedCountDocument) -> str:
    return count["change"] + (f" x{count['ratio']:.3g}" if count["ratio"] else "")
