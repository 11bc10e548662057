"""The documents of schedules as frozen dataclasses, as `documents` has those of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobservice.documents import known_fields, read_time
from jobservice.json_values import JsonValue


@dataclass(frozen=True)
class FiringData:
    """One firing of a schedule.

    nominal_at: the time at which it was due.
    outcome: `submitted`, or why there is no job: `skipped`, `missed` or `refused`.
    reason: says more about an outcome that is not `submitted`.
    status: the present status of the job; None without a job, and if the job is deleted.
    """

    nominal_at: datetime
    outcome: str
    fired_at: datetime | None = None
    job_id: str | None = None
    reason: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class ScheduleData:
    """A schedule. In a list, `payload` is None, `options` and `recent` are empty, and `next` has
    at most one time.

    every: the seconds between two firings; None if `cron` says when it fires.
    next: the next times at which it fires; empty for a schedule that is paused or over.
    recent: the newest firings, the last one first.
    """

    name: str
    type: str = ""
    payload: Mapping[str, JsonValue] | None = None
    cron: str | None = None
    every: float | None = None
    timezone: str = "UTC"
    missed: str = "once"
    overlap: str = "skip"
    paused: bool = False
    until: datetime | None = None
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    created_by: str | None = None
    changed_by: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0
    next: tuple[datetime, ...] = ()
    recent: tuple[FiringData, ...] = ()
    last_job_id: str | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


def read_schedule(document: Mapping[str, JsonValue]) -> ScheduleData:
    """Build a schedule from its JSON document."""
    known = known_fields(ScheduleData, document)
    known["until"] = read_time(known["until"]) if known.get("until") else None
    known["next"] = tuple(map(read_time, known.get("next") or ()))
    known["recent"] = tuple(
        FiringData(**known_fields(FiringData, each)) for each in known.get("recent") or ()
    )
    return ScheduleData(**known, raw=document)
