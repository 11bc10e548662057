"""Builds the requests about queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from jobservice.json_values import JsonValue
from jobservice.options import QueueChanges
from jobservice.requests.request import (
    Request,
    plain,
    put,
    queue_path,
    require_known,
    with_json,
)


def put_queue(
    name: str, max_running: int | None, paused: bool, *, only_new: bool = False
) -> Request:
    """Create a queue, or replace all its settings unless `only_new` forbids that."""
    document = {"max_running": max_running, "paused": paused}
    return put(queue_path(name), document, only_new=only_new)


def change_queue(name: str, changes: Mapping[str, JsonValue]) -> Request:
    """Change some settings of a queue."""
    require_known("change_queue", changes, tuple(QueueChanges.__annotations__))
    return with_json("PATCH", queue_path(name), dict(changes))


def get_scale(queues: Iterable[str], within: float | timedelta) -> Request:
    """Get how many slots the jobs of some queues could use; no queues stand for all queues."""
    query, seconds = [("queue", queue) for queue in queues], plain("within", within)
    return Request("GET", "/scale", [*query, ("within", f"{seconds:g}")] if seconds else query)


def delete_queue(name: str) -> Request:
    """Delete a queue without queued or running jobs."""
    return Request("DELETE", queue_path(name), done_status=404)
