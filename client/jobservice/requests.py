"""Builds every request of the client, and checks what the caller gave. Does no input or output."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, TypedDict
from urllib.parse import quote

from jobservice.uploads import Files, Form, Progress, SeveralSources, Source

JSON = "application/json"
KEY_HEADER = "Idempotency-Key"
MAX_WAIT_SECONDS = 30.0
"""The longest wait of one request: many proxies end a connection that is silent for a minute."""
PAGE_JOBS = 100
"""How many jobs are requested at once."""
MAX_LINES = 1000
"""How many lines of a file are requested at once."""


class Options(TypedDict, total=False):
    """The options of a submission, as docs/api.md explains them; None is the default."""

    max_retries: int | None
    max_losses: int | None
    timeout: float | timedelta | None
    priority: int | None
    run_at: datetime | str | None
    delay: float | timedelta | None
    queue: str | None
    callback_url: str | None


class Filters(TypedDict, total=False):
    """The filters of lists and bulk changes; a job is selected if it matches all of them."""

    status: str | Iterable[str] | None
    type: str | None
    queue: str | None
    submitted_by: str | None
    text: str | None
    created_after: datetime | str | None
    created_before: datetime | str | None


OPTIONS = tuple(Options.__annotations__)
FILTERS = tuple(Filters.__annotations__)


@dataclass(frozen=True)
class Request:
    """One request of the API.

    wait: the seconds for which the service may hold back the response.
    repeats: whether it is sent again after failures that pass.
    done_status: a status that, after the first try, means that an earlier try has done the work:
    404 for a deletion, 412 for the creation of something new.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    form: Form | None = None
    wait: float = 0.0
    repeats: bool = True
    done_status: int | None = None


def submit(
    type: str,
    payload: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    file: Files | None = None,
    key: str | None = None,
    wait: float = 0.0,
    on_progress: Progress | None = None,
) -> Request:
    """Submit a job, with an Idempotency-Key, so that it may be repeated.

    Raises TypeError if the type is no text, or the payload no dict.
    """
    if not isinstance(type, str):
        raise TypeError(f"a job type is named by a text such as 'sleep', not by {_kind(type)}")
    if payload is not None and not isinstance(payload, Mapping):
        raise TypeError(f"the payload is a dict such as {{'seconds': 3}}, not {_kind(payload)}")
    given = {"type": type, "payload": dict(payload or {}), **read_options(options)}
    headers = {KEY_HEADER: str(uuid.uuid4()) if key is None else key}
    query, wait = _wait_query(wait), _one_wait(wait)
    if file is None:
        headers["Content-Type"] = JSON
        return Request("POST", "/jobs", query, headers, _as_json(given), wait=wait)
    source = SeveralSources(file) if isinstance(file, list) else Source(file)
    form = Form([(name, _as_text(value)) for name, value in given.items()], source, on_progress)
    return Request("POST", "/jobs", query, headers | form.headers(), form=form, wait=wait)


_USUAL = {
    **{"samples": 0, "histogram": "none", "lines": True, "members": []},
    **{"fields": [], "top": 20, "reuse": False},
}
"""The parameters of an analysis that are not sent, unless they are None."""


def _kind(value: Any) -> str:
    """Describe a wrong argument in an error."""
    return "a function" if callable(value) else repr(value)[:100]


def analyze_payload(
    patterns: Iterable[str | Mapping[str, Any]] | None = None,
    *,
    ignore_case: bool = False,
    regexes: Iterable[str] = (),
    samples: int = 0,
    histogram: str = "none",
    lines: bool = True,
    encoding: str | None = None,
    members: Iterable[str] = (),
    fields: Iterable[str | Mapping[str, Any]] = (),
    top: int = 20,
    compare: str | None = None,
    reuse: bool = False,
    overview: bool | None = None,
    since: datetime | timedelta | str | None = None,
    until: datetime | timedelta | str | None = None,
    context: int | None = None,
    source: str | None = None,
) -> dict[str, Any]:
    """Build the payload of a job of the type analyze. A pattern or a field is a text or an object.

    `compare` and `source` are ids of earlier jobs. Without patterns and regexes, the job makes an
    overview.
    A timedelta is before the last time of the file.
    """
    if any(isinstance(each, str) for each in (patterns, regexes, members, fields)):
        raise TypeError("patterns, regexes, members and fields are lists of texts, not one text")
    wanted: list[str | dict[str, Any]] = [
        each if isinstance(each, str) else dict(each) for each in patterns or ()
    ]
    wanted += [{"pattern": each, "regex": True} for each in regexes]
    if ignore_case:
        wanted = [_ignoring_case(each) for each in wanted]
    payload: dict[str, Any] = {} if patterns is None and not wanted else {"patterns": wanted}
    jobs = {"source": source, "compare": compare}
    payload |= {name: {"job_id": job_id} for name, job_id in jobs.items() if job_id is not None}
    extra: dict[str, Any] = {"reuse": reuse, "top": top}
    extra |= {"samples": samples, "histogram": histogram, "lines": lines, "encoding": encoding}
    extra |= {"members": list(members), "overview": overview, "context": context}
    extra |= {"from": _time_limit("since", since), "until": _time_limit("until", until)}
    extra |= {"fields": [each if isinstance(each, str) else dict(each) for each in fields]}
    return payload | {name: value for name, value in extra.items() if value != _USUAL.get(name)}


def _ignoring_case(pattern: str | Mapping[str, Any]) -> dict[str, Any]:
    """A pattern that ignores the case unless it says otherwise; a combination, in its members."""
    if isinstance(pattern, str):
        return {"pattern": pattern, "ignore_case": True}
    lists = {name: pattern[name] for name in ("all", "any", "none") if name in pattern}
    if not lists:
        return {"ignore_case": True, **pattern}
    ignoring = {name: [_ignoring_case(each) for each in members] for name, members in lists.items()}
    return {**pattern, **ignoring}


def _time_limit(name: str, value: datetime | timedelta | str | None) -> Any:
    """A limit as the service takes it: "-90s" for 90 seconds before the last time of the file."""
    if isinstance(value, timedelta):
        return f"-{round(abs(value.total_seconds()))}s"
    return _plain(name, value)


def get_job(job_id: str, wait: float = 0.0) -> Request:
    """Get a job when it has ended, or after `wait` seconds. One call waits for at most 30."""
    return Request("GET", job_path(job_id), _wait_query(wait), wait=_one_wait(wait))


def get_jobs(job_ids: Sequence[str], wait: float = 0.0) -> Request:
    """Get up to 100 jobs, when all are final or after `wait` seconds."""
    query = [("id", each) for each in job_ids] + _wait_query(wait)
    return Request("GET", "/jobs", query, wait=_one_wait(wait))


def list_jobs(filters: Mapping[str, Any], limit: int, cursor: str | None) -> Request:
    """Get a page of the list of jobs."""
    query: list[tuple[str, str]] = []
    for name, value in read_filters(filters).items():
        values = value if isinstance(value, list) else [value]
        query += [(name, each) for each in values]
    query.append(("limit", str(limit)))
    return Request("GET", "/jobs", query + ([("cursor", cursor)] if cursor else []))


def change_job(job_id: str, change: str) -> Request:
    """Cancel or retry a job. A cancel is answered when the process is gone, or after 2 seconds."""
    return Request("POST", f"{job_path(job_id)}/{change}", wait=2.0)


def compare_job(
    job_id: str, before: str | None, alpha: float | None, min_ratio: float | None
) -> Request:
    """Compare an analysis with an earlier one."""
    given = {"before": before, "alpha": alpha, "min_ratio": min_ratio}
    query = [(name, str(value)) for name, value in given.items() if value is not None]
    return Request("GET", f"{job_path(job_id)}/comparison", query, {"Accept": JSON})


def job_report(job_id: str, format: str, table: str | None, before: str | None) -> Request:
    """Get the result of an analysis as a page, or a table of it as CSV."""
    given = {"format": format, "table": table, "before": before}
    query = [(name, value) for name, value in given.items() if value is not None]
    return Request("GET", f"{job_path(job_id)}/report", query, {"Accept": "text/html, text/csv"})


def delete_job(job_id: str) -> Request:
    """Delete a final job."""
    return Request("DELETE", job_path(job_id), done_status=404)


def change_jobs(
    change: str, filters: Mapping[str, Any], *, every: bool, dry_run: bool, cursor: str | None
) -> Request:
    """Cancel or retry all jobs that filters select, or with `every` all jobs."""
    document: dict[str, Any] = {**read_filters(filters), "dry_run": dry_run}
    if every:
        document["all"] = True
    elif len(document) == 1:
        raise ValueError("give at least one filter, or all=True for every job")
    if cursor is not None:
        document["cursor"] = cursor
    return _with_json("POST", f"/jobs/{change}", document)


def job_output(job_id: str, attempt: int | None, *, as_json: bool) -> Request:
    """Get the output of an attempt, by default the newest one."""
    query = [("attempt", str(attempt))] if attempt is not None else []
    headers = {"Accept": JSON if as_json else "text/plain"}
    return Request("GET", f"{job_path(job_id)}/logs", query, headers)


def job_lines(job_id: str, parameters: Mapping[str, Any], cursor: str | None) -> Request:
    """Get a page of lines of the file of a job; parameters that are None or False are left out."""
    given = {**parameters, "limit": min(parameters["limit"] or MAX_LINES, MAX_LINES)}
    query = [
        (name, "true" if value is True else str(_plain(name, value)))
        for name, value in {**given, "cursor": cursor}.items()
        if value is not None and value is not False
    ]
    return Request("GET", f"{job_path(job_id)}/lines", query, {"Accept": JSON})


def events(job_id: str | None, filters: Mapping[str, str | None] | None = None) -> Request:
    """Follow the changes of a job, or of all jobs that filters select."""
    query = [(name, value) for name, value in (filters or {}).items() if value is not None]
    path = "/events" if job_id is None else f"{job_path(job_id)}/events"
    return Request("GET", path, query, {"Accept": "text/event-stream"})


def get(path: str, *, repeats: bool = True) -> Request:
    """Get a document that no parameter changes."""
    return Request("GET", path, headers={"Accept": JSON}, repeats=repeats)


def put_queue(
    name: str, max_running: int | None, paused: bool, *, only_new: bool = False
) -> Request:
    """Create a queue, or replace all its settings unless `only_new` forbids that."""
    document = {"max_running": max_running, "paused": paused}
    request = _with_json("PUT", queue_path(name), document)
    if only_new:
        headers = {**request.headers, "If-None-Match": "*"}
        request = replace(request, headers=headers, done_status=412)
    return request


def change_queue(name: str, changes: Mapping[str, Any]) -> Request:
    """Change some settings of a queue."""
    _require_known("change_queue", changes, ("max_running", "paused"))
    return _with_json("PATCH", queue_path(name), dict(changes))


def delete_queue(name: str) -> Request:
    """Delete a queue without queued or running jobs."""
    return Request("DELETE", queue_path(name), done_status=404)


def job_path(job_id: str) -> str:
    """The path of a job."""
    return f"/jobs/{_segment(job_id)}"


def queue_path(name: str) -> str:
    """The path of a queue."""
    return f"/queues/{_segment(name)}"


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a submission as the service takes them. Raises TypeError and ValueError."""
    _require_known("submit", options, OPTIONS)
    return {name: _plain(name, value) for name, value in options.items() if value is not None}


def read_filters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters as the service takes them: `status` is a list. Raises TypeError, ValueError."""
    _require_known("a list", filters, FILTERS)
    given = {name: _plain(name, value) for name, value in filters.items() if value is not None}
    if "status" in given:
        status = given["status"]
        given["status"] = [status] if isinstance(status, str) else list(status)
    return given


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(
                f"{name} has no time zone: use datetime.now(timezone.utc), for example"
            )
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else value


def _require_known(what: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            similar = get_close_matches(name, known, 1)
            hint = f"did you mean {similar[0]}?" if similar else f"known are {', '.join(known)}"
            raise TypeError(f"{what} does not take {name}: {hint}")


def _with_json(method: str, path: str, document: Mapping[str, Any]) -> Request:
    return Request(method, path, headers={"Content-Type": JSON}, body=_as_json(document))


def _as_json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _as_text(value: Any) -> str:
    """The value of a form field."""
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _segment(name: str) -> str:
    """A name as one segment of a path."""
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not a name")
    return quote(name, safe="")


def _one_wait(wait: float) -> float:
    return min(max(wait, 0.0), MAX_WAIT_SECONDS)


def _wait_query(wait: float) -> list[tuple[str, str]]:
    seconds = _one_wait(wait)
    return [("wait", f"{round(seconds, 3):g}")] if seconds > 0 else []
