"""Builds the requests about batches: submit many jobs at once, follow and cancel them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from jobservice.json_values import Json, JsonValue
from jobservice.requests.encoding import as_json
from jobservice.requests.job_requests import KEY_HEADER, read_options
from jobservice.requests.request import JSON, Request, batch_path, one_wait, wait_query

PAGE_BATCHES = 100
JSON_LINES = "application/x-ndjson"
_FIELDS = ("type", "payload", "name", "input")
"""What is passed on as it is; `input` may stand in a file, in Python it is `input_from`."""


def submit_batch(
    jobs: Iterable[Mapping[str, JsonValue]],
    *,
    atomic: bool = False,
    then: Mapping[str, JsonValue] | None = None,
    key: str | None = None,
) -> Request:
    """Submit jobs, with an Idempotency-Key, so that it may be repeated.

    Raises TypeError and ValueError as a submission, for the job with this index, from 0.
    """
    if isinstance(jobs, Mapping | str):
        raise TypeError(f"jobs is a list of dicts, not {repr(jobs)[:100]}")
    given = [_job(f"job {index}", each) for index, each in enumerate(jobs)]
    encoded = [as_json(each, f"job {index}: ") for index, each in enumerate(given)]
    if then is None:
        kind, body = JSON_LINES, b"\n".join(encoded)
    else:
        last = as_json(_job("then", then), "then: ")
        kind, body = JSON, b'{"jobs": [%b], "then": %b}' % (b", ".join(encoded), last)
    headers = {"Content-Type": kind, KEY_HEADER: str(uuid.uuid4()) if key is None else key}
    query = [("atomic", "true")] if atomic else []
    return Request("POST", "/jobs/batch", query, headers, body)


def get_batch(batch_id: str, wait: float = 0.0) -> Request:
    """Get how far a batch is, when it is finished or after `wait` seconds, at most 30."""
    return Request("GET", batch_path(batch_id), wait_query(wait), wait=one_wait(wait))


def get_pipeline(batch_id: str) -> Request:
    """Get which jobs of a batch run after which."""
    return Request("GET", f"{batch_path(batch_id)}/pipeline")


def list_batches(limit: int, cursor: str | None) -> Request:
    """Get a page of the list of batches."""
    query = [("limit", str(limit))] + ([("cursor", cursor)] if cursor else [])
    return Request("GET", "/batches", query)


def cancel_batch(batch_id: str) -> Request:
    """Cancel the jobs of a batch."""
    return Request("POST", f"{batch_path(batch_id)}/cancel")


def _job(name: str, job: Mapping[str, JsonValue]) -> Json:
    """Return a job as the service takes it: type, payload and options."""
    if not isinstance(job, Mapping) or not isinstance(job.get("type"), str):
        example = "{'type': 'sleep', 'payload': {'seconds': 3}}"
        raise TypeError(f"{name} is not a dict such as {example}: {repr(job)[:100]}")
    options = {name: value for name, value in job.items() if name not in _FIELDS}
    try:
        read = read_options(options)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None
    given = {name: job[name] for name in _FIELDS if job.get(name) is not None}
    return {**given, "payload": dict(job.get("payload") or {}), **read}
