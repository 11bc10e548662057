"""The JSON documents of batches, as types."""

from typing import NotRequired

from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time
from server.documents.schemas.problems import FieldDocument


class RefusalDocument(TypedDict):
    """Why a job of a batch was refused."""

    index: int
    """The place of the job in the batch, from 0."""
    code: str
    """The kind of the problem, as in problem documents."""
    detail: str
    """The reason in a sentence."""
    errors: list[FieldDocument]
    """The errors of its fields, the first ones."""
    job_id: NotRequired[Id]
    """Id of the job that holds its unique key."""


class SubmittedBatchDocument(TypedDict):
    """A batch that was stored."""

    batch_id: Id
    """Id of the batch."""
    size: int
    """The number of jobs that were stored."""
    refused: int
    """The number of jobs that were refused."""
    job_ids: list[Id | None]
    """The ids of the jobs in their order; null for a job that was refused."""
    then: Id | None
    """Id of the job that runs when all others have ended; null without one."""
    refusals: list[RefusalDocument]
    """Why jobs were refused; the errors of at most 1,000 of them."""


class BatchDocument(TypedDict):
    """How far a batch is."""

    batch_id: Id
    """Id of the batch."""
    created_at: Time
    """When the batch was stored."""
    submitted_by: str | None
    """Name of the caller who submitted the batch; null without tokens."""
    size: int
    """The number of its jobs: the sum of the six numbers below."""
    queued: int
    """Jobs that wait, also for a retry."""
    running: int
    """Jobs that run."""
    succeeded: int
    """Jobs that have succeeded."""
    failed: int
    """Jobs that have failed."""
    canceled: int
    """Jobs that were canceled."""
    deleted: int
    """Jobs that were deleted since."""
    refused: int
    """Jobs that were refused when the batch was submitted."""
    then: Id | None
    """Id of the job that runs when all its jobs have ended; null without one."""
    finished: bool
    """Whether no job is queued or running."""
    finished_at: Time | None
    """When the last of its jobs ended; null before."""


class BatchesDocument(TypedDict):
    """One page of the list of batches."""

    items: list[BatchDocument]
    """The batches, newest first."""
    limit: int
    """Maximum number of batches in the response."""
    next: str | None
    """Pass it as `cursor` to get the following page; null on the last page."""


class CanceledBatchDocument(TypedDict):
    """What the cancel of a batch has done."""

    batch_id: Id
    """Id of the batch."""
    matched: int
    """Jobs that were queued or running."""
    changed: int
    """Jobs that were canceled, or whose cancel was requested."""
