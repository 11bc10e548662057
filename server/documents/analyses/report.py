"""The result of an analysis as plain text, for a terminal.

pattern  count  lines  first  last
ERROR        3      2      1     3  ████████████████████
WARN         1      1      2     2  ██████▊
"""

from collections.abc import Iterable, Iterator, Mapping

from server.documents.analyses.overview_report import overview_lines
from server.documents.analyses.text_table import clean, shortened, table
from server.documents.analyses.timeline_report import field_curves, sample_lines, timeline_lines
from storage.records.counted import counted
from storage.records.json_values import JsonValue
from storage.records.states import Status

JOB_FAILED = 424
"""The status of a text about a job that failed or was canceled, so that `curl --fail` notices."""
_PER_LINE = ("matching_lines", "first_line", "last_line")

Document = Mapping[str, JsonValue]


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
        yield from overview_lines(overview, unit)
    if counts and overview:
        yield ""
    if counts or not (overview or result.get("fields")):
        yield from table(heads, rows, list(counts.values()))
    yield from _found_lines(result, unit)
    yield from _field_lines(result, unit)
    yield from _member_lines(result)
    if "patterns" in result.get("timeline", {}):
        yield from timeline_lines(result["timeline"], unit)
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
            yield from (each for line in lines for each in sample_lines(line))
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
        if timeline and timeline["bins"] and over_time:
            yield from field_curves(over_time, timeline, unit)


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
