"""The filters by which clients select jobs, and the views that limit the jobs of a client."""

from dataclasses import dataclass, field, replace
from typing import Self
from uuid import UUID

from storage.records.states import Status


@dataclass(frozen=True)
class View:
    """The jobs that a client may see. They match both conditions.

    owner: the name of the caller who submitted them; None for the jobs of all callers.
    queues: the names of their queues; None for all queues.
    """

    owner: str | None = None
    queues: frozenset[str] | None = None

    def sees(self, submitted_by: str | None, queue: str) -> bool:
        """Whether a job is among them, by the name of its caller and its queue."""
        is_own = self.owner is None or submitted_by == self.owner
        return is_own and self.sees_queue(queue)

    def sees_queue(self, name: str) -> bool:
        """Whether jobs of a queue may be among them."""
        return self.queues is None or name in self.queues


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
    after: UUID | None = None
    """The id of a job: the jobs that were submitted to run after it."""
    view: View | None = None
    """The jobs that the client may see; None for all."""

    def narrowed(self) -> Self | None:
        """Return equal filters whose `view` names two or more queues, or is None: the other
        filters take over the rest of it. Returns None if no job can match."""
        view, found = self.view, replace(self, view=None)
        if view is None:
            return self
        if view.owner is not None:
            if found.submitted_by not in (None, view.owner):
                return None
            found = replace(found, submitted_by=view.owner)
        if view.queues is None or found.queue in view.queues:
            return found
        if found.queue is not None or not view.queues:
            return None
        if len(view.queues) == 1:
            return replace(found, queue=next(iter(view.queues)))
        return replace(found, view=View(queues=view.queues))
