"""The result of an analysis, with its overview and its fields, as tables with bars and curves."""

from collections.abc import Mapping, Sequence

from jobservice.cli.output import curves, formats
from jobservice.cli.output.console import Cell, Output
from jobservice.json_values import JsonValue

MAX_COLUMNS = 8
"""Patterns that the table of members shows."""

_PERCENTILES = ("p50", "p95", "p99")

_MAX_REASON = 120
_MAX_TEMPLATE = 72
_SHOWN_BURSTS = 20


def show(output: Output, result: Mapping[str, JsonValue]) -> None:
    """Write counts, samples, histogram or timeline, and a line about the file."""
    unit: str = result.get("counted", "lines")
    if overview := result.get("overview"):
        _show_overview(output, overview, unit)
    if result["counts"] or not overview:
        _show_counts(output, result)
    _show_samples(output, result.get("samples", {}))
    if "histogram" in result:
        _show_histogram(output, result["histogram"], unit)
    # Fields that only explain bursts are counted over time, too, but nobody asked for their curves.
    timeline = None if overview and "explanations" in overview else result.get("timeline")
    for name, found in result.get("fields", {}).items():
        _show_field(output, name, found, timeline, unit)
    if result.get("members"):
        _show_members(output, result)
    if "patterns" in result.get("timeline", {}):
        _show_timeline(output, result["timeline"], unit)
    output.line(f"\n{_about_file(result)}")
    for warning in result.get("warnings", ()):
        output.note(f"warning: {warning['message']}")


def _show_samples(output: Output, samples: Mapping[str, JsonValue]) -> None:
    for pattern, lines in samples.items():
        if lines:
            output.line(f"\n{pattern}")
            for line in lines:
                _show_sample(output, line)


def _show_sample(output: Output, sample: str | Mapping[str, JsonValue]) -> None:
    """A line or, with context, the lines around it, and its number."""
    if isinstance(sample, str):
        _show_record(output, "  ", sample)
        return
    for record in sample["before"]:
        _show_record(output, "    ", record)
    _show_record(output, f"  {sample['line']}: ", sample["text"])
    for record in sample["after"]:
        _show_record(output, "    ", record)


def _show_record(output: Output, head: str, text: str) -> None:
    """A line, or the lines of a record below one another."""
    for number, line in enumerate(text.split("\n")):
        output.line(f"{' ' * len(head) if number else head}{line}")


def _show_counts(output: Output, result: Mapping[str, JsonValue]) -> None:
    counts: Mapping[str, int] = result["counts"]
    most = max(counts.values(), default=0)
    has_lines = "matching_lines" in result
    unit: str = result.get("counted", "lines")
    numbers = ["COUNT", *([unit.upper(), "FIRST", "LAST"] if has_lines else [])]
    rows: list[list[Cell]] = []
    for pattern, count in counts.items():
        found = [count]
        if has_lines:
            found += [result[key][pattern] for key in ("matching_lines", "first_line", "last_line")]
        rows.append([output.shortened(pattern), *map(formats.number, found)])
        rows[-1].append(output.bar(count, most))
    output.table(["PATTERN", *numbers, ""], rows, right=numbers)


def _show_histogram(output: Output, histogram: Mapping[str, JsonValue], counted: str) -> None:
    """One row per time, one column per pattern, and a bar for all of them."""
    by_time: dict[str, dict[str, int]] = {}
    for pattern, found in histogram.items():
        for start, lines in found["lines"]:
            by_time.setdefault(start, {})[pattern] = lines
    if not by_time:
        output.line(f"\nno {counted[:-1]} with a match begins with a time")
        return
    most = max(sum(row.values()) for row in by_time.values())
    rows: list[list[Cell]] = [
        [
            formats.utc(start),
            *(formats.number(row.get(pattern, 0)) for pattern in histogram),
            output.bar(sum(row.values()), most),
        ]
        for start, row in sorted(by_time.items())
    ]
    columns = [output.shortened(pattern) for pattern in histogram]
    unit = next(iter(histogram.values()))["unit"]
    output.line()
    output.table([f"{unit} (UTC)".upper(), *columns, ""], rows, right=columns)
    undated = sum(found["undated_lines"] for found in histogram.values())
    if undated:
        output.line(f"{formats.number(undated)} matching {counted} without a time")


def _show_members(output: Output, result: Mapping[str, JsonValue]) -> None:
    """One row per member of an archive, one column per pattern."""
    members, patterns = result["members"], list(result["counts"])[:MAX_COLUMNS]
    columns = [output.shortened(pattern) for pattern in patterns]
    numbers = [*columns, *(["LINES"] if "lines" in result else [])]
    rows: list[list[Cell]] = []
    for member in members:
        if error := member["error"]:
            rows.append([output.shortened(member["name"]), *[""] * len(numbers), error["message"]])
            continue
        found = [member["counts"][pattern] for pattern in patterns]
        found += [member["lines"]] if "lines" in result else []
        rows.append([output.shortened(member["name"]), *map(formats.number, found), ""])
    output.line()
    output.table(["MEMBER", *numbers, ""], rows, right=numbers)
    more = result["archive"]["analyzed"] + result["archive"]["failed"] - len(members)
    if more:
        output.line(f"and {formats.counted(more, 'more member')}")


def _show_timeline(output: Output, timeline: Mapping[str, JsonValue], unit: str) -> None:
    """A curve of all lines and of each pattern; a character stands for one bin or for two."""
    if not timeline["bins"]:
        output.line(f"\nno {unit[:-1]} has a time")
        return
    output.line()
    curves.show(output, timeline, {f"all {unit}": timeline["total"], **timeline["patterns"]})
    if timeline["undated"]:
        output.line(f"{formats.number(timeline['undated'])} {unit} before the first time")
    if "before" in timeline:
        before = formats.counted(timeline["before"], unit.removesuffix("s"))
        after = formats.number(timeline["after"])
        output.line(f"far away from these times: {before} before, {after} after")


def _about_file(result: Mapping[str, JsonValue]) -> str:
    """Such as: 60,000 lines, 4.2 MB in 0.01 s (gzip), A to B UTC."""
    file = result["file"]
    parts = [formats.counted(result["lines"], "line")] if "lines" in result else []
    parts += [formats.counted(result["records"], "record")] if "records" in result else []
    parts.append(f"{formats.size(result['bytes'])} in {formats.duration(file['seconds'])}")
    if file["format"] != "plain":
        parts.append(f"{file['format']}, {formats.size(file['stored_bytes'])} stored")
    if file["time_span"]:
        parts.append(f"{' to '.join(map(formats.utc, file['time_span']))} UTC")
    return ", ".join(parts)


def _show_field(
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
        curves.show_figures(output, timeline, {name: found[name] for name in _PERCENTILES})
    else:
        tops = {each["value"]: each["counts"] for each in found["top"]}
        curves.show(output, timeline, {unit: found["count"], **tops})


def _show_overview(output: Output, overview: Mapping[str, JsonValue], unit: str = "lines") -> None:
    """Write levels, status classes, templates and bursts. `unit` is what was counted."""
    counted = unit.upper()
    _show_explanations(output, overview, unit)
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
            output.shortened(each["template"], _MAX_TEMPLATE),
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
            output.shortened(templates.get(each["key"]) or each["key"], _MAX_TEMPLATE),
        ]
        for each in bursts[:_SHOWN_BURSTS]
    ]
    output.line()
    heads = ["BURST FROM (UTC)", "UNTIL", counted, "EXPECTED", "OF"]
    output.table(heads, rows, right=[counted, "EXPECTED"])
    if len(bursts) > _SHOWN_BURSTS:
        output.line(f"and {formats.counted(len(bursts) - _SHOWN_BURSTS, 'other burst')}")


def _show_explanations(output: Output, overview: Mapping[str, JsonValue], unit: str) -> None:
    """Write what explains each burst, silence and slow time, if that was asked for."""
    for each in overview.get("explanations", ()):
        show_explanation(output, each, unit)
        output.line()


def show_explanation(output: Output, found: Mapping[str, JsonValue], unit: str = "lines") -> None:
    """Write what is different in a range of time."""
    times = f"{formats.utc(found['from'])} to {formats.utc(found['until'])} (UTC)"
    output.line(f"What explains {times}, {found['lines']:,} {unit}:")
    for reason in found["reasons"] or ["nothing differs from the rest of the log"]:
        output.line(f"  {output.shortened(reason, _MAX_REASON)}")
