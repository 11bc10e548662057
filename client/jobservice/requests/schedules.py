"""Builds the requests about schedules."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from jobservice.json_values import Json, JsonValue
from jobservice.requests.job_requests import KEY_HEADER, read_options, require_job
from jobservice.requests.request import Request, plain, put, schedule_path, with_json

PAGE_SCHEDULES = 100
"""How many schedules are requested at once."""


def put_schedule(
    name: str,
    type: str,
    payload: Mapping[str, JsonValue] | None,
    times: Mapping[str, JsonValue],
    options: Mapping[str, JsonValue],
    *,
    only_new: bool = False,
) -> Request:
    """Create a schedule, or replace all of it unless `only_new` forbids that.

    `times` has the other fields of a schedule, such as `cron`; None is the default. Raises
    TypeError and ValueError as a submission.
    """
    require_job(type, payload)
    document: Json = {"type": type, "payload": dict(payload or {})}
    document |= {each: plain(each, value) for each, value in times.items() if value is not None}
    every = document.get("every")
    if isinstance(every, float) and every.is_integer():
        document["every"] = int(every)  # the service takes whole seconds
    if given := read_options(options):
        document["options"] = given
    return put(schedule_path(name), document, only_new=only_new)


def change_schedule(name: str, changes: Mapping[str, JsonValue]) -> Request:
    """Change some fields of a schedule."""
    return with_json("PATCH", schedule_path(name), changes)


def delete_schedule(name: str) -> Request:
    """Delete a schedule."""
    return Request("DELETE", schedule_path(name), done_status=404)


def run_schedule(name: str, key: str | None = None) -> Request:
    """Submit a job of a schedule now, with an Idempotency-Key, so that it may be repeated."""
    headers = {KEY_HEADER: str(uuid.uuid4()) if key is None else key}
    return Request("POST", f"{schedule_path(name)}/run", headers=headers)


def list_schedules(limit: int, cursor: str | None) -> Request:
    """Get a page of the list of schedules."""
    query = [("limit", str(limit))] + ([("cursor", cursor)] if cursor else [])
    return Request("GET", "/schedules", query)
