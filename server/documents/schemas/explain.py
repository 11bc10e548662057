"""The JSON documents that say why a job is not running yet, and when it will, as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time
from storage.records.states import Status


class Reason(TypedDict):
    """One reason why a job is not running."""

    code: str
    """Kind of the reason, for programs, such as `jobs_ahead` or `no_runner`."""
    detail: str
    """The reason, for people."""


class DryRunDocument(TypedDict):
    """What would happen to a submission."""

    reasons: list[Reason]
    """Why the job would not run at once."""
    position: int | None
    """Place in the order of claims, from 1; null if the job is not queued and due."""
    ahead: int | None
    """Number of due jobs that are claimed before this one; null if it is not queued and due."""
    ahead_is_more: bool
    """Whether there are more jobs ahead than were counted."""
    runners: int
    """Number of living runners that take jobs of the job's queue."""
    slots: int
    """Number of jobs that these runners can run at once."""
    busy: int
    """Number of their slots that have a job."""
    estimated_start_at: Time | None
    """When the job is expected to start; null without an estimate."""
    estimated_seconds: float | None
    """Seconds until the estimated start; null without an estimate."""
    estimated_duration: float | None
    """Seconds that an attempt is expected to run, as jobs of its type do; null if unknown."""
    estimated_end_at: Time | None
    """When the first attempt is expected to end; null without an estimate."""


class ExplainDocument(DryRunDocument):
    """Why a job is not running yet."""

    job_id: Id
    """Id of the job."""
    status: Status
    """Status of the job."""
    run_at: Time
    """The job does not start before this time."""
    expires_at: Time | None
    """The job is canceled if it has not started before this time; null without one."""
    finish_by: Time | None
    """The deadline: the job has to be final by this time; null without one."""
    reasons: list[Reason]
    """All known reasons."""
