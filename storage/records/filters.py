"""The filters by which clients select jobs."""

from dataclasses import dataclass, field
from uuid import UUID

from storage.records.states import Status


@dataclass(frozen=True)
class Filters:
    """Selects the jobs that match all of these conditions. Times are in milliseconds since 1970.

    `text` is searched in the payload's JSON, in the name of the upload and in the job's id. The
    case of A to Z is ignored. The whole id of a job selects only that job.
    """

    statuses: frozenset[Status] = field(default_factory=frozenset)
    """Empty: any status."""
    type: str | None = None
    created_after: int | None = None
    """Inclusive."""
    created_before: int | None = None
    """Exclusive."""
    text: str = ""
    queue: str | None = None
    submitted_by: str | None = None
    """The name of a caller."""
    tags: frozenset[str] = field(default_factory=frozenset)
    """Jobs that have all of these tags."""
    batch: UUID | None = None
    """The id of the batch with which the jobs were submitted."""
    finished_after: int | None = None
    """Inclusive. Selects only jobs that have ended."""
    finished_before: int | None = None
    """Exclusive. Selects only jobs that have ended."""
    failure: str | None = None
    """The key of a kind of failures, see `storage/records/failure_kind.py`. Selects only failed
    jobs."""
    schedule: str | None = None
    """The name of the schedule that submitted the job."""
