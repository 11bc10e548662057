"""The overview of an analysis as plain text, for a terminal.

template                            lines  first  last  state
Accepted password for <*> from <*>     17      1   980  steady  ████████████████████
"""

from collections.abc import Iterator, Mapping, Sequence

from server.documents.analyses.text_table import shortened, table
from storage.records.counted import counted
from storage.records.json_values import JsonValue

MAX_TEMPLATE_WIDTH = 72
SHOWN_BURSTS = 20


def overview_lines(overview: Mapping[str, JsonValue], unit: str) -> Iterator[str]:
    """Yield the lines about levels, status classes, templates and bursts.

    `unit` is what was counted: lines or records.
    """
    for head, counts in (("level", overview["levels"]), ("status", overview["statuses"])):
        if counts:
            numbers = list(counts.values())
            yield from table([head, unit], [[k, str(n)] for k, n in counts.items()], numbers)
            yield ""
    yield from _templates(overview, unit)
    yield from _bursts(overview, unit)


def _templates(overview: Mapping[str, JsonValue], unit: str) -> Iterator[str]:
    templates: Sequence[Mapping[str, JsonValue]] = overview["templates"]
    rows = [
        [
            shortened(each["template"], MAX_TEMPLATE_WIDTH),
            *(str(each[name]) for name in ("count", "first_line", "last_line")),
            each["state"],
        ]
        for each in templates
    ]
    counts = [each["count"] for each in templates]
    yield from table(["template", unit, "first", "last", "state"], rows, counts)
    more = overview["templates_total"] - len(templates)
    if more > 0:
        yield f"and {counted(more, 'other template')}"
    if overview["templates_approximate"]:
        yield "templates are approximate: the lines have too many different texts"


def _bursts(overview: Mapping[str, JsonValue], unit: str) -> Iterator[str]:
    bursts: Sequence[Mapping[str, JsonValue]] = overview["bursts"]
    if not bursts:
        return
    templates = {each["id"]: each["template"] for each in overview["templates"]}
    yield from ("", "bursts:")
    for each in bursts[:SHOWN_BURSTS]:
        name = shortened(templates.get(each["key"]) or each["key"], MAX_TEMPLATE_WIDTH)
        usual = f"{each['count']:,} {unit} instead of {each['expected']:,}"
        yield f"  {each['from']} to {each['until']}: {usual}: {name}"
    if len(bursts) > SHOWN_BURSTS:
        yield f"  and {counted(len(bursts) - SHOWN_BURSTS, 'other')}"
