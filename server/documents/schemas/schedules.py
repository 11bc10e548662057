"""The JSON documents of schedules as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time
from storage.records.json_values import Json
from storage.records.schedule import FiringOutcome, Missed, Overlap
from storage.records.states import Status


class FiringDocument(TypedDict):
    """One nominal time of a schedule, or one run that a client asked for."""

    nominal_at: Time
    """The time for which the schedule was fired; of a run by a client, the time of the call."""
    fired_at: Time
    """When a worker came to it."""
    job_id: Id | None
    """Id of the job that was submitted; null if none was."""
    outcome: FiringOutcome
    """Whether a job was submitted, and why not."""
    reason: str | None
    """Why no job was submitted, for people; null for most submitted jobs."""
    status: Status | None
    """The status of the job now; null without a job, and after it was deleted."""


class ScheduleHeadDocument(TypedDict):
    """A schedule without the payload and the options of its jobs, and without its past."""

    name: str
    """Name of the schedule."""
    type: str
    """Job type of its jobs."""
    cron: str | None
    """The times at which it is due, as a cron expression; null with `every`."""
    every: int | None
    """Seconds between two times at which it is due; null with `cron`."""
    timezone: str
    """The time zone by whose clock `cron` is read."""
    missed: Missed
    """What happens to times at which no worker was running."""
    overlap: Overlap
    """What happens while its last job is queued or running."""
    paused: bool
    """Whether it is not due until it is resumed."""
    until: Time | None
    """It is not due after this time; null without an end."""
    next: list[Time]
    """The next times at which it is due: one in a list, up to five otherwise."""
    last_job_id: Id | None
    """Id of the job that it submitted last; null before the first."""
    created_by: str | None
    """Name of the caller who created it; null without tokens."""
    changed_by: str | None
    """Name of the caller who changed it last; null without tokens."""
    created_at: Time
    """When it was created."""
    updated_at: Time
    """When a client changed it last."""
    version: int
    """1 for a new schedule, and one more with each change by a client."""


class ScheduleDocument(ScheduleHeadDocument):
    """A schedule."""

    payload: Json
    """The input of its jobs, as it was submitted."""
    options: Json
    """The options of its jobs that differ from their defaults, as they were submitted."""
    recent: list[FiringDocument]
    """Its newest firings, up to 20, the newest first."""


class SchedulesDocument(TypedDict):
    """A page of the list of schedules."""

    schedules: list[ScheduleHeadDocument]
    """The schedules, sorted by name."""
    next: str | None
    """Pass it as `cursor` to get the following page; null on the last page."""
