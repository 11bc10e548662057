"""Builds the payload of an analysis, and the requests about its result and its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from jobservice.json_values import Json, JsonValue
from jobservice.requests.request import JSON, Request, job_path, plain, query_of

MAX_LINES = 1000
"""How many lines of a file are requested at once."""
_USUAL = {
    **{"samples": 0, "histogram": "none", "lines": True, "members": []},
    **{"fields": [], "top": 20, "reuse": False, "fields_over_time": False, "pattern_sets": []},
    **{"records": "lines", "explain": False},
}
"""The parameters of an analysis that are not sent, unless they are None."""


def analyze_payload(
    patterns: Iterable[str | Mapping[str, JsonValue]] | None = None,
    *,
    ignore_case: bool = False,
    regexes: Iterable[str] = (),
    pattern_sets: Iterable[str] = (),
    samples: int = 0,
    histogram: str = "none",
    lines: bool = True,
    encoding: str | None = None,
    members: Iterable[str] = (),
    fields: Iterable[str | Mapping[str, JsonValue]] = (),
    top: int = 20,
    fields_over_time: bool = False,
    compare: str | None = None,
    reuse: bool = False,
    overview: bool | None = None,
    explain: bool = False,
    since: datetime | timedelta | str | None = None,
    until: datetime | timedelta | str | None = None,
    context: int | None = None,
    records: str | Mapping[str, str] = "lines",
    source: str | None = None,
) -> Json:
    """Build the payload of a job of the type analyze. A pattern or a field is a text or an object.

    `compare` and `source` are ids of earlier jobs. Without patterns, regexes and pattern sets,
    the job makes an overview. `records` is "lines", "multi_line", or such as {"start": "[0-9]+ "}.
    A timedelta is before the last time of the file.
    """
    lists = {"patterns": patterns, "regexes": regexes, "pattern_sets": pattern_sets}
    lists |= {"members": members, "fields": fields}
    if wrong := [name for name, each in lists.items() if isinstance(each, str)]:
        raise TypeError(f"{wrong[0]} is a list of texts, not one text")
    wanted: list[str | Json] = [
        each if isinstance(each, str) else dict(each) for each in patterns or ()
    ]
    wanted += [{"pattern": each, "regex": True} for each in regexes]
    if ignore_case:
        wanted = [_ignoring_case(each) for each in wanted]
    payload: Json = {} if patterns is None and not wanted else {"patterns": wanted}
    jobs = {"source": source, "compare": compare}
    payload |= {name: {"job_id": job_id} for name, job_id in jobs.items() if job_id is not None}
    extra: Json = {"reuse": reuse, "top": top, "fields_over_time": fields_over_time}
    extra |= {"overview": overview, "pattern_sets": list(pattern_sets), "records": _plain(records)}
    extra |= {"samples": samples, "histogram": histogram, "lines": lines, "encoding": encoding}
    extra |= {"members": list(members), "context": context, "explain": explain}
    extra |= {"from": _time_limit("since", since), "until": _time_limit("until", until)}
    extra |= {"fields": [each if isinstance(each, str) else dict(each) for each in fields]}
    return payload | {name: value for name, value in extra.items() if value != _USUAL.get(name)}


def _plain(records: str | Mapping[str, str]) -> str | dict[str, str]:
    return records if isinstance(records, str) else dict(records)


def _ignoring_case(pattern: str | Mapping[str, JsonValue]) -> Json:
    """A pattern that ignores the case unless it says otherwise; a combination, in its members."""
    if isinstance(pattern, str):
        return {"pattern": pattern, "ignore_case": True}
    lists = {name: pattern[name] for name in ("all", "any", "none") if name in pattern}
    if not lists:
        return {"ignore_case": True, **pattern}
    ignoring = {name: [_ignoring_case(each) for each in members] for name, members in lists.items()}
    return {**pattern, **ignoring}


def _time_limit(name: str, value: datetime | timedelta | str | None) -> JsonValue:
    """A limit as the service takes it: "-90s" for 90 seconds before the last time of the file."""
    if isinstance(value, timedelta):
        return f"-{round(abs(value.total_seconds()))}s"
    return plain(name, value)


def compare_job(
    job_id: str, before: str | None, alpha: float | None, min_ratio: float | None
) -> Request:
    """Compare an analysis with an earlier one."""
    query = query_of({"before": before, "alpha": alpha, "min_ratio": min_ratio})
    return Request("GET", f"{job_path(job_id)}/comparison", query, {"Accept": JSON})


def job_report(job_id: str, format: str, table: str | None, before: str | None) -> Request:
    """Get the result of an analysis as a page, or a table of it as CSV."""
    query = query_of({"format": format, "table": table, "before": before})
    return Request("GET", f"{job_path(job_id)}/report", query, {"Accept": "text/html, text/csv"})


def job_range(job_id: str, since: datetime | str, until: datetime | str | None) -> Request:
    """Ask what is different in a range of time of an analysis."""
    query = query_of({"from": plain("since", since), "to": plain("until", until)})
    return Request("GET", f"{job_path(job_id)}/range", query, {"Accept": JSON})


def job_lines(job_id: str, parameters: Mapping[str, JsonValue], cursor: str | None) -> Request:
    """Get a page of lines of the file of a job; parameters that are None or False are left out."""
    given = {**parameters, "limit": min(parameters["limit"] or MAX_LINES, MAX_LINES)}
    query = [
        (name, "true" if value is True else str(plain(name, value)))
        for name, value in {**given, "cursor": cursor}.items()
        if value is not None and value is not False
    ]
    return Request("GET", f"{job_path(job_id)}/lines", query, {"Accept": JSON})
