"""Failures: failed jobs in groups whose errors are alike. Does no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from jobservice.documents import read_time
from jobservice.json_values import JsonValue

_SAMPLES = 5


@dataclass(frozen=True)
class FailureData:
    """Failed jobs of one type whose errors are alike.

    failure: names the group; `client.list(failure=…)` yields its jobs.
    message: the common message, with # in place of each number and id.
    latest_message: the message of the latest failure.
    job_ids: the latest jobs, up to five.
    """

    failure: str
    type: str
    error_type: str
    message: str
    latest_message: str
    count: int
    first_at: datetime
    last_at: datetime
    job_ids: tuple[str, ...]
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class Failures:
    """Groups of failures, the largest first.

    group_count: the number of groups, also of those that are left out.
    failed: the number of jobs in all groups.
    looked_back_to: jobs that failed earlier were not looked at; None if all were.
    next: the `cursor` that continues with these.
    """

    groups: tuple[FailureData, ...]
    group_count: int
    failed: int
    looked_back_to: datetime | None
    next: str | None


def read_failures(document: Mapping[str, JsonValue]) -> Failures:
    """Build failures from their JSON document."""
    back = document["looked_back_to"]
    return Failures(
        groups=tuple(map(_read_failure, document["items"])),
        group_count=document["group_count"],
        failed=document["failed"],
        looked_back_to=read_time(back) if back else None,
        next=document["next"],
    )


def merged(found: Failures, earlier: Failures) -> Failures:
    """Add earlier failures, from a request with the cursor `found.next`."""
    groups = {each.failure: each for each in found.groups}
    for each in earlier.groups:
        later = groups.get(each.failure)
        groups[each.failure] = _added(later, each) if later else each
    ordered = sorted(groups.values(), key=lambda each: (each.count, each.last_at), reverse=True)
    return replace(
        earlier,
        groups=tuple(ordered),
        group_count=max(len(ordered), found.group_count, earlier.group_count),
        failed=found.failed + earlier.failed,
    )


def limited(found: Failures, limit: int | None) -> Failures:
    """Return only the first groups; all for None."""
    return replace(found, groups=found.groups[:limit])


def _added(later: FailureData, earlier: FailureData) -> FailureData:
    count, job_ids = later.count + earlier.count, [*later.job_ids, *earlier.job_ids][:_SAMPLES]
    first = {"first_at": earlier.raw["first_at"]}
    return replace(
        later,
        count=count,
        first_at=earlier.first_at,
        job_ids=tuple(job_ids),
        raw={**later.raw, **first, "count": count, "job_ids": job_ids},
    )


def _read_failure(document: Mapping[str, JsonValue]) -> FailureData:
    texts = ("failure", "type", "error_type", "message", "latest_message", "count")
    return FailureData(
        **{name: document[name] for name in texts},
        first_at=read_time(document["first_at"]),
        last_at=read_time(document["last_at"]),
        job_ids=tuple(document["job_ids"]),
        raw=document,
    )
