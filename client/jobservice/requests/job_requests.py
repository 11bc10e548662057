"""Builds the requests about jobs: submit, read, list, cancel, retry, delete, follow."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence

from jobservice.json_values import Json, JsonValue
from jobservice.options import Changes, Filters, Options
from jobservice.requests.encoding import as_json, as_text
from jobservice.requests.request import (
    JSON,
    HasId,
    Request,
    job_path,
    one_wait,
    plain,
    query_of,
    require_known,
    wait_query,
    with_json,
)
from jobservice.uploads import Files, Form, Progress, SeveralSources, Source

KEY_HEADER = "Idempotency-Key"
PAGE_JOBS = 100
"""How many jobs are requested at once."""
OPTIONS = tuple(Options.__annotations__)
CHANGEABLE = tuple(Changes.__annotations__)
FILTERS = tuple(Filters.__annotations__)


def submit(
    type: str,
    payload: Mapping[str, JsonValue] | None,
    options: Mapping[str, JsonValue],
    *,
    file: Files | None = None,
    key: str | None = None,
    wait: float = 0.0,
    on_progress: Progress | None = None,
    dry_run: bool = False,
) -> Request:
    """Submit a job, with an Idempotency-Key, so that it may be repeated; a dry run needs none.

    Raises TypeError if the type is no text, or the payload no dict.
    """
    require_job(type, payload)
    given = {"type": type, "payload": dict(payload or {}), **read_options(options)}
    headers = {} if dry_run else {KEY_HEADER: str(uuid.uuid4()) if key is None else key}
    query, wait = wait_query(wait), one_wait(wait)
    query += [("dry_run", "true")] if dry_run else []
    if file is None:
        headers["Content-Type"] = JSON
        return Request("POST", "/jobs", query, headers, as_json(given), wait=wait)
    source = SeveralSources(file) if isinstance(file, list) else Source(file)
    form = Form(
        [(name, _as_part(name, value)) for name, value in given.items()], source, on_progress
    )
    return Request("POST", "/jobs", query, headers | form.headers(), form=form, wait=wait)


def require_job(type: JsonValue, payload: JsonValue) -> None:
    """Raise TypeError if the type of a job is no text, or its payload no dict."""
    if not isinstance(type, str):
        raise TypeError(f"a job type is named by a text such as 'sleep', not by {_kind(type)}")
    if payload is not None and not isinstance(payload, Mapping):
        raise TypeError(f"the payload is a dict such as {{'seconds': 3}}, not {_kind(payload)}")


def _kind(value: JsonValue) -> str:
    """Describe a wrong argument in an error."""
    return "a function" if callable(value) else repr(value)[:100]


def get_job(job: str | HasId, wait: float = 0.0) -> Request:
    """Get a job when it has ended, or after `wait` seconds. One call waits for at most 30."""
    return Request("GET", job_path(job), wait_query(wait), wait=one_wait(wait))


def get_jobs(job_ids: Sequence[str], wait: float = 0.0) -> Request:
    """Get up to 100 jobs, when all are final or after `wait` seconds."""
    query = [("id", each) for each in job_ids] + wait_query(wait)
    return Request("GET", "/jobs", query, wait=one_wait(wait))


def list_jobs(filters: Mapping[str, JsonValue], limit: int, cursor: str | None) -> Request:
    """Get a page of the list of jobs."""
    query: list[tuple[str, str]] = []
    for name, value in read_filters(filters).items():
        values = value if isinstance(value, list) else [value]
        query += [(name, each) for each in values]
    return Request("GET", "/jobs", query + query_of({"limit": limit, "cursor": cursor}))


def cancel_job(job_id: str, dry_run: bool = False) -> Request:
    """Cancel a job. With `dry_run`, only count the waiting jobs that would be canceled with it.

    The service answers a cancel when the process is gone, or after 2 seconds.
    """
    query = query_of({"dry_run": "true" if dry_run else None})
    return Request("POST", f"{job_path(job_id)}/cancel", query, wait=2.0)


def retry_job(job_id: str, downstream: bool) -> Request:
    """Retry a job, and with `downstream` the jobs that were canceled because of it."""
    query = query_of({"downstream": "true" if downstream else None})
    return Request("POST", f"{job_path(job_id)}/retry", query, wait=2.0)


def update_job(job_id: str, changes: Mapping[str, JsonValue]) -> Request:
    """Change options of a queued job. Raises TypeError for an option that cannot be changed."""
    require_known("a change of a job", changes, CHANGEABLE)
    if not changes:
        raise TypeError(f"give at least one of {', '.join(CHANGEABLE)}")
    given = {name: plain(name, value) for name, value in changes.items()}
    if "tags" in given:
        given["tags"] = _tags(given["tags"])
    return with_json("PATCH", job_path(job_id), given)


def delete_job(job_id: str) -> Request:
    """Delete a final job."""
    return Request("DELETE", job_path(job_id), done_status=404)


def change_jobs(
    change: str,
    filters: Mapping[str, JsonValue],
    *,
    every: bool,
    dry_run: bool,
    downstream: bool = False,
    cursor: str | None,
) -> Request:
    """Cancel or retry all jobs that filters select, or with `every` all jobs."""
    document: Json = read_filters(filters)
    if every:
        document["all"] = True
    elif not document:
        raise ValueError("give at least one filter, or all=True for every job")
    if cursor is not None:
        document["cursor"] = cursor
    if downstream:
        document["downstream"] = True
    return with_json("POST", f"/jobs/{change}", {**document, "dry_run": dry_run})


def job_output(
    job_id: str,
    attempt: int | None,
    *,
    as_json: bool,
    level: str | None = None,
    stream: str | None = None,
) -> Request:
    """Get the output of an attempt, by default the newest one, or a selection of it."""
    query = query_of({"attempt": attempt, "level": level, "stream": stream})
    headers = {"Accept": JSON if as_json else "text/plain"}
    return Request("GET", f"{job_path(job_id)}/logs", query, headers)


def events(
    job_id: str | None, filters: Mapping[str, str | Iterable[str] | None] | None = None
) -> Request:
    """Follow the changes of a job, or of all jobs that filters select."""
    given = {name: value for name, value in (filters or {}).items() if value is not None}
    query = [(name, each) for name, value in given.items() for each in as_list(value)]
    path = "/events" if job_id is None else f"{job_path(job_id)}/events"
    return Request("GET", path, query, {"Accept": "text/event-stream"})


def read_options(options: Mapping[str, JsonValue]) -> Json:
    """The options of a submission as the service takes them. Raises TypeError and ValueError."""
    require_known("submit", options, OPTIONS)
    given = {name: plain(name, value) for name, value in options.items() if value is not None}
    if "tags" in given:
        given["tags"] = _tags(given["tags"])
    if "backoff" in given:
        given["backoff"] = _backoff(given["backoff"])
    if "after" in given:
        given["after"] = _job_ids(given["after"])
    if "upload" in given:
        given["upload"] = _reference(given["upload"])
    if "input_from" in given:
        (source,) = _job_ids(given.pop("input_from"))
        given["input"] = {"from": source}
    return given


def _reference(upload: JsonValue) -> dict[str, str]:
    """How a submission names a file that the service has: an upload, its id, or another file."""
    if not hasattr(upload, "upload_id") and hasattr(upload, "sha256"):
        return {"sha256": upload.sha256, "name": upload.name}
    return {"id": str(getattr(upload, "upload_id", upload))}


def _backoff(value: JsonValue) -> JsonValue:
    """The waits before retries, each of which may be a timedelta."""
    if isinstance(value, Mapping):
        return {name: plain("backoff", each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain("backoff", each) for each in value]
    return value


def _job_ids(value: JsonValue) -> list[str]:
    """The ids of jobs that are given as ids or as jobs; also of a single one."""
    jobs = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    return [str(getattr(each, "id", each)) for each in jobs]


def _tags(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        raise TypeError("tags is a list of texts, not one text")
    return list(value)


def read_filters(filters: Mapping[str, JsonValue]) -> Json:
    """The filters as the service takes them: `status` and `tag` are lists.

    Raises TypeError and ValueError.
    """
    require_known("a list", filters, FILTERS)
    given = {name: plain(name, value) for name, value in filters.items() if value is not None}
    for name in {"status", "tag"} & given.keys():
        given[name] = as_list(given[name])
    return given


def as_list(value: str | Iterable[str]) -> list[str]:
    """A text, or several, as a list."""
    return [value] if isinstance(value, str) else list(value)


def _as_part(name: str, value: JsonValue) -> str:
    """The value of a form field."""
    return value if isinstance(value, str) else as_text(value, name)
