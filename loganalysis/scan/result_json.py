"""The result of an analysis, as the JSON that clients get.

Whatever the file contains, the result is below the limit of a job's result. All numbers in it are
bounded. Texts are long only in samples, with the lines around them, and in the values of fields;
control characters take six bytes in JSON. If the result is too large, the larger one of these two
parts is cut: texts to half the characters, values to half their number. A text that is cut ends
with `…`, and a warning names the parts that are cut.
"""

import json
from collections.abc import Callable

from loganalysis.count.joined_lines import unjoined
from loganalysis.count.line_marks import encode_marks
from loganalysis.count.result import PatternResult
from loganalysis.count.samples import Sample
from loganalysis.fields.over_time import Bins
from loganalysis.index.access_points import encode_points
from loganalysis.index.archive_index import encode_index
from loganalysis.read.json_values import Json, JsonValue
from loganalysis.records.rule import Records
from loganalysis.scan.analyze import AnalysisResult
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.partial_result import over_time, shared_axis, timeline_of
from loganalysis.times.axis import Axis
from loganalysis.times.histogram import rfc3339
from loganalysis.times.line_times import LineTimes

_NOTHING_SELECTED = {
    "code": "no_lines_selected",
    "message": "no line is between from and until; file.time_span has the times of the file",
}
_NO_TIMES = {
    "code": "no_times",
    "message": "no line has a time that can be read, so there is no time axis;"
    " docs/log-formats.md has the forms of times",
}

MAX_BYTES = 15 << 20
"""Of a result as JSON. The limit of a job is 16 MiB."""
_MOST_CHARACTERS, _MOST_VALUES = 512, 512
"""Of a text of a sample, and values of a field, when a part is cut for the first time."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_json(result: AnalysisResult, options: AnalysisOptions) -> Json:
    """Everything that was asked for. Results of patterns are by key, in the given order."""

    def each(value: Callable[[PatternResult], JsonValue]) -> Json:
        found = zip(result.keys, result.partial.results, strict=True)
        return {key: value(pattern) for key, pattern in found}

    report: Json = {"counts": each(lambda pattern: pattern.count)}
    report |= _counted(result, options)
    if options.lines:
        report["matching_lines"] = each(lambda pattern: pattern.matching_lines)
        report["first_line"] = each(lambda pattern: pattern.first_line)
        report["last_line"] = each(lambda pattern: pattern.last_line)
        report["lines"] = result.partial.lines
    if options.spreads_samples:
        report["samples"] = _spread_samples(result, options)
    elif options.samples:
        report["samples"] = each(lambda pattern: [_shown(line) for line in pattern.samples])
    if options.histogram:
        report["histogram"] = each(lambda pattern: _histogram(pattern, options.histogram))
    axis = shared_axis(result.partial) if options.has_timeline else None
    report |= _fields(result, options, axis)
    report |= over_time(result.partial, result.keys, result.modified, options, axis)
    report |= _selected(result)
    file = {"bytes": result.partial.bytes, "file": _file(result, options)}
    selects_nothing = "selected" in report and not report["selected"]["lines"]
    warnings = [*result.warnings, *([_NOTHING_SELECTED] if selects_nothing else [])]
    if options.has_timeline and axis is None and result.partial.lines and not selects_nothing:
        warnings.append(_NO_TIMES)
    report |= file | {"warnings": warnings}
    if result.members is not None:
        report |= result.members.to_json(result.keys, options.lines)
    shorten(report)
    return report


def _fields(result: AnalysisResult, options: AnalysisOptions, axis: Axis | None) -> Json:
    """The statistics of fields, if any were asked for."""
    if not result.partial.fields:
        return {}
    bins = Bins(axis.first, axis.seconds, axis.bins) if axis else None
    found = list(result.partial.fields.to_json(options.top, bins, options.explain))
    if options.records is not None:  # form feeds are between the lines of a record
        for field in found:
            for each in [*field["top"], *field.get("over_time", {}).get("top", [])]:
                each["value"] = each["value"].replace("\f", "\n")
    return {"fields": dict(zip(result.field_names, found, strict=True))}


def _counted(result: AnalysisResult, options: AnalysisOptions) -> Json:
    """Say that the numbers count records, and how many there are; empty if they count lines."""
    if options.records is None:
        return {}
    records = {"records": result.partial.records or 0} if options.lines else {}
    return {"counted": "records", **records}


def _selected(result: AnalysisResult) -> Json:
    """The lines that were selected by their times, if they were."""
    if not result.selected:
        return {}
    since, until = (None if each is None else rfc3339(each) for each in result.selected)
    lines = timeline_of(result.partial, result.keys).lines
    return {"selected": {"from": since, "until": until, "lines": lines}}


def _file(result: AnalysisResult, options: AnalysisOptions) -> Json:
    invalid_text = result.partial.invalid_text
    span = result.time_span.times(LineTimes(result.modified))
    return {
        "format": result.format,
        "stored_bytes": result.stored_bytes,
        "encoding": result.encoding,
        "bom": result.bom,
        "not_text": invalid_text.count,
        "first_not_text": invalid_text.first_offset,
        "time_span": span and [rfc3339(moment) for moment in span],
        "seconds": round(result.seconds, 6),
        "bytes_per_second": round(result.partial.bytes / result.seconds),
        "line_index": _index(result, span and span[1], options.records),
        "access_points": encode_points(result.access_points),
    }


def _index(result: AnalysisResult, last_time: float | None, records: Records | None) -> str | None:
    """The index that shows readers where lines are; None if lines were not counted."""
    size, lines, marks = result.partial.bytes, result.partial.lines, result.partial.marks
    if not marks.marks:
        return None
    start = None if records is None else records.start
    if result.members is not None:
        return encode_index(result.members.index, marks, size, lines, start)
    return encode_marks(marks, size, lines, last_time, start, result.modified)


def _histogram(result: PatternResult, unit: str) -> Json:
    histogram = result.histogram
    return {
        "unit": histogram.unit if histogram else unit,
        "lines": histogram.to_json() if histogram else [],
        "undated_lines": result.undated,
    }


def _spread_samples(result: AnalysisResult, options: AnalysisOptions) -> Json:
    """Samples from all times and from each burst: as texts or, with context, as objects."""
    samples, times = result.partial.samples, LineTimes(result.modified)
    if samples is None:
        return {key: [] for key in result.keys}
    found = zip(result.keys, samples.patterns, strict=True)
    chosen = {key: pattern.choose(samples.samples) for key, pattern in found}
    if options.context is None:
        return {key: [_shown(each.text) for each in lines] for key, lines in chosen.items()}
    return {key: [_with_context(each, times) for each in lines] for key, lines in chosen.items()}


def _with_context(sample: Sample, times: LineTimes) -> Json:
    own = times.time_of(sample.text)
    time = sample.second if own is None else own
    return {
        "line": sample.line if sample.file_line is None else sample.file_line,
        "time": None if time is None else rfc3339(time),
        "text": _shown(sample.text),
        "before": [_shown(line) for line in sample.before],
        "after": [_shown(line) for line in sample.after],
    }


def _shown(line: bytes) -> str:
    """A line, or the lines of a record, without the carriage returns before newlines."""
    return unjoined(line).removesuffix(b"\r").decode(errors="replace")


def shorten(report: Json, max_bytes: int = MAX_BYTES) -> None:
    """Cut the samples and the values of fields of a result until it has `max_bytes` or less."""
    sizes = {name: _size(value) for name, value in report.items()}
    cutters: dict[str, tuple[Callable[[JsonValue, int], None], int]] = {
        "samples": (_cut_samples, _MOST_CHARACTERS),
        "fields": (_cut_fields, _MOST_VALUES),
    }
    left = {name: most for name, (_, most) in cutters.items() if name in report}
    cut: list[str] = []
    while left and sum(sizes.values()) > max_bytes:
        name = max(left, key=lambda each: sizes[each])
        cutters[name][0](report[name], left[name])
        sizes[name] = _size(report[name])
        cut += [name] if name not in cut else []
        left[name] //= 2
        if not left[name]:
            del left[name]
    if cut:
        message = f"the result would be too large: {' and '.join(cut)} are cut"
        report["warnings"] = [*report["warnings"], {"code": "result_cut", "message": message}]


def _size(value: JsonValue) -> int:
    """The bytes of a value as JSON. Each member is encoded alone, so that little memory is used."""
    if isinstance(value, dict):
        return sum(len(_encode(each).encode()) + _size(key) + 2 for key, each in value.items())
    return len(_encode(value).encode())


def _cut_samples(samples: dict[str, list[JsonValue]], most: int) -> None:
    for found in samples.values():
        found[:] = [_cut_sample(each, most) for each in found]


def _cut_sample(sample: JsonValue, most: int) -> JsonValue:
    """A sample, which is a text or an object, with texts of at most `most` characters and `…`."""
    if isinstance(sample, str):
        return sample if len(sample) <= most + 1 else f"{sample[:most]}…"
    around = {name: [_cut_sample(line, most) for line in sample[name]] for name in _AROUND}
    return {**sample, "text": _cut_sample(sample["text"], most), **around}


_AROUND = ("before", "after")


def _cut_fields(fields: dict[str, Json], most: int) -> None:
    for found in fields.values():
        del found["top"][most:]
