"""Explains the bursts, silences and slow times of a result, or any range of its time.

explanations(result)               of all ranges that need one, in the order of time
explain_range(result, from, until) of the bins that touch a range

Each is {"from", "until", "lines", "causes", "slow", "first", "stopped", "reasons"}: see
`_explanation`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from loganalysis.explain.causes import Cause, causes_of
from loganalysis.explain.ranges import SlowTime, ranges_of, slow_times
from loganalysis.explain.sentences import reasons
from loganalysis.explain.series import Series, quantiles_of, series_of
from loganalysis.read.json_values import Json, JsonValue
from loganalysis.times.histogram import rfc3339

Result = Mapping[str, JsonValue]
"""The result of an analysis, as clients get it."""
MAX_TEMPLATES = 5
"""In `first` and in `stopped`."""
_LEAST_MISSED = 10
"""So many lines of a template that has stopped would have followed by its rate."""


def explanations(result: Result) -> list[Json]:
    """Explain each burst, silence and slow time of a result.

    `result` comes from an analysis with an overview. Empty without a time axis.
    """
    timeline = result.get("timeline")
    if not timeline or not timeline["start"]:
        return []
    total, series = timeline["total"], series_of(result)
    slow = slow_times(quantiles_of(result))
    found = (
        _explanation(result, series, slow, each.start, each.end, timeline["bins"] ** 2)
        for each in ranges_of(series, slow, total)
    )
    return [each for each in found if each["causes"] or each["slow"]]


def explain_range(result: Result, since: float, until: float) -> Json:
    """Explain what is different between two times, in epoch seconds, as far as bins can show it.

    Raises ValueError if the result has no time axis, or if no bin touches the range.
    """
    timeline = result.get("timeline")
    if not timeline or not timeline["start"]:
        raise ValueError("the result has no time axis")
    begin, width = _seconds(timeline["start"]), timeline["bin_seconds"]
    start = max(0, int((since - begin) // width))
    end = min(timeline["bins"], -int((begin - until) // width))
    if start >= end:
        raise ValueError("the log has no time in this range")
    return _explanation(result, series_of(result), slow_times(quantiles_of(result)), start, end)


def _explanation(
    result: Result,
    series: Sequence[Series],
    slow: Sequence[SlowTime],
    start: int,
    end: int,
    ranges: int = 1,
) -> Json:
    """The explanation of the bins `start` to `end` - 1.

    `causes` are what differs most from the rest of the log, see causes.py. `slow` are fields of
    numbers whose 95th percentile is high. `first` are the templates that occur for the first time
    in the range or in the bin before. `stopped` are the templates that occur there for the last
    time. `reasons` says all of this in sentences.
    """
    timeline = result["timeline"]
    texts = {each["id"]: each["template"] for each in _templates(result)}
    begin, width = _seconds(timeline["start"]), timeline["bin_seconds"]
    since, until = begin + start * width, begin + end * width
    causes = causes_of(series, timeline["total"], start, end, ranges)
    found: Json = {
        "from": rfc3339(since),
        "until": rfc3339(until),
        "lines": sum(timeline["total"][start:end]),
        "causes": [_shown(each, texts) for each in causes],
        "slow": [
            {"field": each.field, "p95": each.p95, "usual": each.usual}
            for each in slow
            if each.range.start < end and start < each.range.end
        ],
        "first": _first(result, since - width, until) if start else [],
        "stopped": _stopped(result, since - width, until),
    }
    return {**found, "reasons": [*reasons(found, result.get("counted", "lines"))]}


def _shown(cause: Cause, texts: dict[str, str]) -> Json:
    shown = cause.to_json()
    return {**shown, "text": texts.get(cause.series.key, cause.series.key)}


def _first(result: Result, since: float, until: float) -> list[Json]:
    found = [
        each
        for each in _templates(result)
        if each["first_time"] and since <= _seconds(each["first_time"]) < until
    ]
    found.sort(key=lambda each: (each["first_time"], each["first_line"]))
    return [_template(each, "first_time") for each in found[:MAX_TEMPLATES]]


def _stopped(result: Result, since: float, until: float) -> list[Json]:
    timeline = result["timeline"]
    end = _seconds(timeline["start"]) + timeline["bins"] * timeline["bin_seconds"]
    found = []
    for each in _templates(result):
        if each["first_time"] and since <= (last := _seconds(each["last_time"])) < until:
            rate = each["count"] / max(last - _seconds(each["first_time"]), 1.0)
            if _seconds(each["first_time"]) < since and rate * (end - until) >= _LEAST_MISSED:
                found.append(each)
    found.sort(key=lambda each: each["last_time"])
    return [_template(each, "last_time") for each in found[:MAX_TEMPLATES]]


def _templates(result: Result) -> list[Json]:
    overview = result.get("overview") or {}
    found: list[Json] = overview.get("templates") or []
    return found


def _template(each: Json, time: str) -> Json:
    names = ("id", "template", "sample", "level", "count")
    return {"time": each[time], **{name: each[name] for name in names}}


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
