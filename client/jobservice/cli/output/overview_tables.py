"""The overview of an analysis as tables."""

from collections.abc import Mapping, Sequence

from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, Output
from jobservice.json_values import JsonValue

MAX_TEMPLATE = 72
SHOWN_BURSTS = 20


def show(output: Output, overview: Mapping[str, JsonValue], unit: str = "lines") -> None:
    """Write levels, status classes, templates and bursts. `unit` is what was counted."""
    counted = unit.upper()
    for head, counts in (("LEVEL", overview["levels"]), ("STATUS", overview["statuses"])):
        if counts:
            most = max(counts.values())
            rows: list[list[Cell]] = [
                [name, formats.number(count), output.bar(count, most)]
                for name, count in counts.items()
            ]
            output.table([head, counted, ""], rows, right=[counted])
            output.line()
    _show_templates(output, overview, counted)
    _show_bursts(output, overview, counted)


def _show_templates(output: Output, overview: Mapping[str, JsonValue], counted: str) -> None:
    templates: Sequence[Mapping[str, JsonValue]] = overview["templates"]
    numbers = [counted, "FIRST", "LAST"]
    rows: list[list[Cell]] = [
        [
            output.shortened(each["template"], MAX_TEMPLATE),
            *(formats.number(each[key]) for key in ("count", "first_line", "last_line")),
            each["state"],
        ]
        for each in templates
    ]
    output.table(["TEMPLATE", *numbers, "STATE"], rows, right=numbers)
    more = overview["templates_total"] - len(templates)
    if more > 0:
        output.line(f"and {formats.counted(more, 'other template')}")
    if overview["templates_approximate"]:
        output.note("warning: templates are approximate; the lines have too many different texts")


def _show_bursts(output: Output, overview: Mapping[str, JsonValue], counted: str) -> None:
    bursts: Sequence[Mapping[str, JsonValue]] = overview["bursts"]
    if not bursts:
        return
    templates = {each["id"]: each["template"] for each in overview["templates"]}
    rows: list[list[Cell]] = [
        [
            formats.utc(each["from"]),
            formats.utc(each["until"]),
            formats.number(each["count"]),
            str(each["expected"]),
            output.shortened(templates.get(each["key"]) or each["key"], MAX_TEMPLATE),
        ]
        for each in bursts[:SHOWN_BURSTS]
    ]
    output.line()
    heads = ["BURST FROM (UTC)", "UNTIL", counted, "EXPECTED", "OF"]
    output.table(heads, rows, right=[counted, "EXPECTED"])
    if len(bursts) > SHOWN_BURSTS:
        output.line(f"and {formats.counted(len(bursts) - SHOWN_BURSTS, 'other burst')}")
