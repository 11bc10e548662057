"""The records of schedules: the settings that clients put, stored schedules, and firings.

Times are whole milliseconds since 1970 in UTC. A **nominal time** is a time at which a schedule is
due. It is always a whole second. Imports only the records of jobs.
"""

import json
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from storage.records.job import EncodedJson, NewJob
from storage.records.json_values import Json
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import Status


class Missed(StrEnum):
    """What happens to nominal times at which no worker was running."""

    SKIP = "skip"
    """A nominal time that is more than a minute late is left out."""
    ONCE = "once"
    """Only the last one is made up for."""
    ALL = "all"
    """Each one is made up for, the oldest first."""


class Overlap(StrEnum):
    """What happens to a firing while jobs of the schedule are queued or running."""

    SKIP = "skip"
    """It submits no job."""
    QUEUE = "queue"
    """Its job waits for their ends."""
    CANCEL_RUNNING = "cancel_running"
    """They are canceled, and its job waits for their ends."""


class FiringOutcome(StrEnum):
    """What a nominal time has led to."""

    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    """The last job was not final yet."""
    MISSED = "missed"
    """No worker fired it in time."""
    REFUSED = "refused"
    """The job could not be stored, for example because its queue was deleted."""


@dataclass(frozen=True)
class Timing:
    """When a schedule is due: at the times of `cron`, or every so many seconds.

    cron: five fields, six with seconds first, or a name such as @daily; None for `every`.
    every: whole seconds between two nominal times; None for `cron`.
    timezone: an IANA name, by whose clock `cron` is read.
    """

    cron: str | None
    every: int | None
    timezone: str


@dataclass(frozen=True)
class ScheduleSettings:
    """A schedule as a client puts it.

    payload, options: of its jobs, as submitted.
    template: the options as JSON, see `template_of`.
    job_payload: the payload that its jobs get, as JSON text; with the patterns of pattern sets.
    """

    type: str
    payload: Json
    timing: Timing
    missed: Missed
    overlap: Overlap
    paused: bool
    until: int | None
    """No nominal time after this one is due; None for no end."""
    options: Json
    template: str
    job_payload: str


@dataclass(frozen=True)
class Schedule:
    """A stored schedule.

    next_at: the next nominal time; None while it is paused, and after its end.
    created_by, changed_by: names of callers, None without tokens.
    version: 1 for a new schedule, and one more with each change by a client.
    """

    name: str
    settings: ScheduleSettings
    next_at: int | None
    anchor_at: int
    """The time from which `every` counts."""
    last_nominal_at: int | None
    """The last nominal time that was fired, skipped or missed."""
    last_job_id: UUID | None
    created_by: str | None
    changed_by: str | None
    created_at: int
    changed_at: int
    version: int


@dataclass(frozen=True)
class Firing:
    """One nominal time of a schedule, or one run that a client asked for, and its outcome."""

    nominal_at: int
    fired_at: int
    job_id: UUID | None
    outcome: FiringOutcome
    reason: str | None = None
    job_status: Status | None = None
    """The status of its job now; None without a job, or if the job was deleted."""


_OWN = frozenset(
    {"id", "type", "payload", "upload", "submitted_by", "traceparent", "schedule", "after"}
)
"""Fields of a job that each firing sets itself, or that no schedule has."""
_DEFAULTS = {each.name: each.default for each in fields(NewJob) if each.name not in _OWN}


def template_of(job: NewJob) -> str:
    """Return the options that the jobs of a schedule have in common, as JSON."""
    given = {
        name: str(value) if isinstance(value, UUID) else value
        for name, value in vars(job).items()
        if name in _DEFAULTS and value != _DEFAULTS[name]
    }
    return json.dumps(given, ensure_ascii=False)


def queue_of(template: str) -> str:
    """Return the queue of the jobs that have these options, see `template_of`."""
    return str(_options(template).get("queue", DEFAULT_QUEUE))


def new_job(type: str, payload: str, template: str, **own: Any) -> NewJob:
    """Return a new job of a schedule. `own` are the fields that differ between its jobs."""
    return NewJob(type, EncodedJson(payload, payload), **_options(template), **own)


@lru_cache(1024)  # most schedules have the same few options
def _options(template: str) -> Json:
    given: Json = json.loads(template)
    if "tags" in given:
        given["tags"] = tuple(given["tags"])
    if "source" in given:
        given["source"] = UUID(given["source"])
    return given
