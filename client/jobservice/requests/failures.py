"""Builds the requests about failures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from jobservice.requests.job_requests import as_list
from jobservice.requests.request import Request, plain, query_of

MAX_GROUPS = 500
"""How many groups are requested at once."""
Since = datetime | timedelta | str
"""A time, or how long ago it was."""


def list_failures(
    type: str | None,
    queue: str | None,
    tag: str | Iterable[str] | None,
    since: Since | None,
    limit: int | None,
    cursor: str | None,
) -> Request:
    """Get groups of failures."""
    given = {"type": type, "queue": queue, "since": since_text(since), "cursor": cursor}
    query = query_of({**given, "limit": limit})
    query += [("tag", each) for each in as_list(() if tag is None else tag)]
    return Request("GET", "/failures", query)


def since_text(since: Since | None) -> str | None:
    """A time as the service takes it. Raises ValueError without a time zone."""
    if isinstance(since, timedelta):
        since = datetime.now(timezone.utc) - since
    return None if since is None else str(plain("since", since))
