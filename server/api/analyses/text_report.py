"""The result of an analysis as plain text, for a terminal.

pattern  count  lines  first  last
ERROR        3      2      1     3  ████████████████████
WARN         1      1      2     2  ██████▊
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from server.api.analyses.text_table import clean, shortened, table, width
from storage.records.counted import counted
from storage.records.json_values import JsonValue
from storage.records.states import Status

JOB_FAILED = 424
"""The status of a text about a job that failed or was canceled, so that `curl --fail` notices."""
_PER_LINE = ("matching_lines", "first_line", "last_line")

Document = Mapping[str, JsonValue]

_MAX_TEMPLATE_WIDTH = 72
_SHOWN_BURSTS = 20

_CURVE_WIDTH = 100
"""Characters of a curve over time, at most."""
_HEIGHTS = " ▁▂▃▄▅▆▇█"


def analysis_report(job: Document, base_url: str, changes: Iterable[str] = ()) -> tuple[int, str]:
    """Return the status and the text of the response about a job.

    `job` is its document, or only its id and its status. `base_url` is the address of the service.
    `changes` are the lines about a comparison with an earlier job, if there is one.
    """
    url = f"{base_url}/jobs/{job['job_id']}"
    if job["status"] == Status.SUCCEEDED:
        compared = ["", *changes]
        lines = [*_result_lines(job["result"]), *(compared if len(compared) > 1 else ())]
        return 200, "\n".join([*lines, "", url, ""])
    if job["status"] == Status.FAILED:
        error = job["error"] or {"type": "unknown", "message": "unknown"}
        return JOB_FAILED, f"failed: {clean(error['message'])} ({error['type']})\n{url}\n"
    if job["status"] == Status.CANCELED:
        caller = job.get("canceled_by")
        by = f" by {caller}" if caller else ""
        return JOB_FAILED, f"canceled{by}\n{url}\n"
    return 202, "\n".join(_unfinished_lines(job, url))


def _unfinished_lines(job: Document, url: str) -> Iterator[str]:
    yield f"The job is {job['status']}{_progress(job.get('progress'))}. It goes on."
    yield f"Wait for its result, as JSON:  curl '{url}?wait=60'"
    if job["status"] == Status.QUEUED:
        yield f"Ask why it does not run yet:   curl '{url}/explain'"
    yield f"Cancel it:                     curl -X POST '{url}/cancel'"
    yield ""


def _progress(progress: Document | None) -> str:
    done, total = (progress or {}).get("bytes_done"), (progress or {}).get("bytes_total")
    return f", {100 * done // total} % are done" if done and total else ""


def _result_lines(result: Document) -> Iterator[str]:
    counts: dict[str, int] = result["counts"]
    unit: str = result.get("counted", "lines")
    has_lines = "lines" in result
    columns = [result[name] for name in _PER_LINE] if has_lines else []
    heads = ["pattern", "count", *((unit, "first", "last") if has_lines else ())]
    rows = [
        [shortened(name), str(count), *(_number(column[name]) for column in columns)]
        for name, count in counts.items()
    ]
    overview = result.get("overview")
    if overview:
        yield from _overview_lines(overview, unit)
    if counts and overview:
        yield ""
    if counts or not (overview or result.get("fields")):
        yield from table(heads, rows, list(counts.values()))
    yield from _found_lines(result, unit)
    yield from _field_lines(result, unit)
    yield from _member_lines(result)
    if "patterns" in result.get("timeline", {}):
        yield from _timeline_lines(result["timeline"], unit)
    yield ""
    lines = [counted(result["lines"], "line")] if has_lines else []
    lines += [counted(result["records"], "record")] if "records" in result else []
    seconds = result["file"]["seconds"]
    yield ", ".join([*lines, counted(result["bytes"], "byte"), f"{seconds:.3f} seconds"])
    yield from (f"warning: {clean(each['message'])}" for each in result["warnings"])


def _found_lines(result: Document, unit: str) -> Iterator[str]:
    """Samples and histograms of the patterns."""
    for name, lines in result.get("samples", {}).items():
        if lines:
            yield from ("", f"samples of {shortened(name)}:")
            yield from (each for line in lines for each in _sample_lines(line))
    for name, histogram in result.get("histogram", {}).items():
        yield from ("", f"{unit} with {shortened(name)}, per {histogram['unit']}:")
        found = histogram["lines"]
        yield from table([], [[at, str(n)] for at, n in found], [n for _, n in found])
        if histogram["undated_lines"]:
            yield f"  and {histogram['undated_lines']:,} without a time"


def _field_lines(result: Document, unit: str) -> Iterator[str]:
    """Statistics of each field, and a table of its most frequent values."""
    for name, found in result.get("fields", {}).items():
        about = "about " if found["distinct_error"] else ""
        values = counted(found["distinct"], "value")
        figures = f"{about}{values} in {counted(found['count'], unit.removesuffix('s'))}"
        yield from ("", f"{shortened(name)}: {figures}")
        if number := found["number"]:
            names = ("min", "mean", "p50", "p95", "p99", "max")
            yield "  " + ", ".join(f"{each} {number[each]:.6g}" for each in names)
        counts = [each["count"] for each in found["top"]]
        rows = [[shortened(each["value"]), str(each["count"])] for each in found["top"]]
        if rows:
            yield from table(["value", "count"], rows, counts)
        timeline, over_time = result.get("timeline"), found.get("over_time")
        if "explanations" in (result.get("overview") or {}):
            continue  # the field explains bursts; the job did not ask for its curves
        if timeline and timeline["bins"] and over_time:
            yield from _field_curves(over_time, timeline, unit)


def _member_lines(result: Document) -> Iterator[str]:
    """A table of the members of an archive, with all occurrences in each."""
    members = result.get("members")
    if not members:
        return
    sums = [sum((each["counts"] or {}).values()) for each in members]
    rows = [
        [shortened(each["name"]), "-" if each["error"] else str(count)]
        for each, count in zip(members, sums, strict=True)
    ]
    yield ""
    yield from table(["member", "count"], rows, sums)
    if more := result["archive"]["analyzed"] + result["archive"]["failed"] - len(members):
        yield f"and {counted(more, 'more member')}"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _overview_lines(overview: Mapping[str, JsonValue], unit: str) -> Iterator[str]:
    """Yield the lines about levels, status classes, templates and bursts.

    template                            lines  first  last  state
    Accepted password for <*> from <*>     17      1   980  steady  ████████████████████

    `unit` is what was counted: lines or records.
    """
    yield from _explanations(overview, unit)
    for head, counts in (("level", overview["levels"]), ("status", overview["statuses"])):
        if counts:
            numbers = list(counts.values())
            yield from table([head, unit], [[k, str(n)] for k, n in counts.items()], numbers)
            yield ""
    yield from _templates(overview, unit)
    yield from _bursts(overview, unit)


def _explanations(overview: Mapping[str, JsonValue], unit: str) -> Iterator[str]:
    for each in overview.get("explanations", ()):
        yield f"what explains {each['from']} to {each['until']}, {each['lines']:,} {unit}:"
        yield from (f"  {clean(reason)}" for reason in each["reasons"])
        yield ""


def _templates(overview: Mapping[str, JsonValue], unit: str) -> Iterator[str]:
    templates: Sequence[Mapping[str, JsonValue]] = overview["templates"]
    rows = [
        [
            shortened(each["template"], _MAX_TEMPLATE_WIDTH),
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
    for each in bursts[:_SHOWN_BURSTS]:
        name = shortened(templates.get(each["key"]) or each["key"], _MAX_TEMPLATE_WIDTH)
        usual = f"{each['count']:,} {unit} instead of {each['expected']:,}"
        yield f"  {each['from']} to {each['until']}: {usual}: {name}"
    if len(bursts) > _SHOWN_BURSTS:
        yield f"  and {counted(len(bursts) - _SHOWN_BURSTS, 'other')}"


def _sample_lines(sample: str | Document) -> Iterator[str]:
    """Yield a sample or, with context, the lines around it, and its number."""
    if isinstance(sample, str):
        yield from _record("  ", sample)
        return
    for record in sample["before"]:
        yield from _record("    ", record)
    yield from _record(f"  {sample['line']}: ", sample["text"])
    for record in sample["after"]:
        yield from _record("    ", record)


def _record(head: str, text: str) -> Iterator[str]:
    """Yield a line, or the lines of a record below one another."""
    first, *others = text.split("\n")
    yield f"{head}{clean(first)}"
    yield from (f"{' ' * len(head)}{clean(line)}" for line in others)


def _timeline_lines(timeline: Document, unit: str) -> Iterator[str]:
    """Yield a curve of all lines, and one of each pattern: a character for one or two bins.

    `unit` is what was counted: lines or records.
    """
    if not timeline["bins"]:
        yield from ("", "no line has a time")
        return
    one = unit.removesuffix("s")
    per_character = -(-timeline["bins"] // _CURVE_WIDTH)
    seconds = timeline["bin_seconds"] * per_character
    yield from (
        "",
        f"{unit} over time from {timeline['start']}, {counted(seconds, 'second')} a character:",
    )
    yield from _curves({f"all {unit}": timeline["total"], **timeline["patterns"]}, per_character)
    if timeline["undated"]:
        yield f"and {counted(timeline['undated'], one)} before the first time"
    if "before" in timeline:
        before, after = timeline["before"], timeline["after"]
        yield f"and, far away from these times, {counted(before, one)} before and {after:,} after"


def _field_curves(found: Document, timeline: Document, unit: str) -> Iterator[str]:
    """Yield the curves of a field: of percentiles, or of lines with each of the frequent values.

    A character has the largest percentile of its bins. Negative ones are shown as zero.
    """
    per_character = -(-timeline["bins"] // _CURVE_WIDTH)
    if not found["p50"]:
        rows = {each["value"]: each["counts"] for each in found["top"]}
        yield from _curves({f"all {unit}": found["count"], **rows}, per_character)
        return
    for name in ("p50", "p95", "p99"):
        most = max((each for each in found[name] if each is not None), default=0.0)
        groups = _groups([max(0.0, each or 0.0) for each in found[name]], per_character)
        heights = [round(1000 * max(group) / most) if most > 0 else 0 for group in groups]
        yield f"{name}  {_curve(heights)}  at most {most:.6g}"


def _curves(rows: Mapping[str, Sequence[int]], per_character: int) -> Iterator[str]:
    """Yield a curve for each row of counts, with its name in front."""
    names = [shortened(name) for name in rows]
    widest = max(map(width, names))
    for name, curve in zip(names, rows.values(), strict=True):
        counts = [sum(group) for group in _groups(curve, per_character)]
        yield f"{name}{' ' * (widest - width(name))}  {_curve(counts)}  at most {max(counts):,}"


def _groups(values: Sequence[JsonValue], size: int) -> list[Sequence[JsonValue]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def _curve(counts: Sequence[int]) -> str:
    """A character for each count, as high as its part of the largest; a space for 0."""
    most = max(counts)
    return "".join(
        _HEIGHTS[-(-count * (len(_HEIGHTS) - 1) // most) if most else 0] for count in counts
    )
