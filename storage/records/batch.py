"""The records of batches: many jobs that are submitted by one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from storage.records.audit import Actor
from storage.records.ids import id_in_batch
from storage.records.job import EncodedJson, NewJob
from storage.records.json_values import Json
from storage.records.states import FINAL, Status

Refuse = Callable[[int, object, NewJob], Json]
"""Returns the refusal of the job at an index of a batch, for a `Refused` of the store."""


THEN = -1
"""The index of the job that runs when all jobs of a batch have ended."""
BatchJob = tuple[int, int, str]
"""A new job of a batch: its index, the number of its template, and its payload as JSON text."""


@dataclass(frozen=True)
class NewBatch:
    """A batch as a client submits it.

    templates: the jobs that its jobs are like, but for their ids and payloads, with `batch_id`.
    jobs: the jobs to store, in order.
    refusals: why other jobs of the batch are refused: JSON objects with an `index`.
    is_atomic: whether all jobs are stored or none.
    key: its idempotency key with the fingerprint of the submission, or None.
    then: the job that runs when all others have ended, which is held by `Hold.BATCH`. Then the
        templates are watched by `Watch.BATCHES`.
    actor: the submitter for the audit log; None for no entry.
    names: the indexes of the jobs that have names, by name.
    """

    id: UUID
    templates: Sequence[NewJob]
    jobs: Sequence[BatchJob]
    refusals: Sequence[Json]
    is_atomic: bool = False
    submitted_by: str | None = None
    key: tuple[str, str] | None = None
    then: NewJob | None = None
    actor: Actor | None = None
    names: Mapping[str, int] = field(default_factory=dict)

    def job(self, job: BatchJob) -> NewJob:
        """Return one of its jobs as it would be submitted alone."""
        index, number, payload = job
        job_id, encoded = id_in_batch(self.id, index), EncodedJson(payload, "")
        return self.templates[number].replaced(id=job_id, payload=encoded)


@dataclass(frozen=True)
class Batch:
    """A stored batch.

    size: the number of jobs that were stored.
    refused: the number of jobs that were refused; `refusals` say why. They are kept only for
    batches with an idempotency key, and are None without.
    """

    id: UUID
    created_at: int
    submitted_by: str | None
    size: int
    refused: int
    refusals: Sequence[Json] | None = None
    then_id: UUID | None = None
    """The job that runs when all its jobs have ended."""
    names: Mapping[str, int] = field(default_factory=dict)
    """The indexes of the jobs that have names, by name; only for the caller who submits it."""
    fingerprint: str | None = None
    """The fingerprint that is stored with its key, if it was stored by an earlier call."""

    @property
    def indexes(self) -> range:
        """The indexes of all its jobs."""
        return range(self.size + self.refused)


@dataclass(frozen=True)
class BatchProgress:
    """How many jobs of a batch have each status. Jobs that were deleted are missing."""

    batch: Batch
    counts: dict[Status, int]
    last_end: int | None
    """When a job of it became final last; None if none is final."""

    @property
    def deleted(self) -> int:
        """The number of jobs that were deleted."""
        return self.batch.size - sum(self.counts.values())

    @property
    def is_finished(self) -> bool:
        """Whether all its jobs are final or deleted."""
        return not any(count for status, count in self.counts.items() if status not in FINAL)

    @property
    def finished_at(self) -> int | None:
        """When its last job became final, if all are."""
        return self.last_end if self.is_finished else None


@dataclass(frozen=True)
class BatchPage:
    """A page of the list of batches, newest first; `next` is None at its end."""

    batches: Sequence[BatchProgress]
    next: UUID | None
    """The last batch that was looked at, if there are more."""


@dataclass(frozen=True)
class PipelineJob:
    """A job of a batch as a part of its pipeline.

    after: the jobs that it was submitted to run after, which need not belong to the batch.
    """

    id: UUID
    name: str | None
    type: str
    status: Status
    after: Sequence[UUID]
    submitted_by: str | None
    queue: str


class BatchRefused(Exception):
    """No job of a batch was stored. `refusals` say why each refused job was."""

    def __init__(self, refusals: Sequence[Json]):
        super().__init__(refusals)
        self.refusals = refusals
