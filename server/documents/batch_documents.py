"""Documents of batches, and the query parameters of their calls."""

from collections.abc import Iterator, Sequence
from typing import Any, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from server.documents.filters import Cursor, Query, Whole, encode_cursor
from server.documents.job_documents import rfc3339
from server.documents.schemas.common import Id, Time
from server.documents.schemas.problems import FieldDocument
from server.http.codes import Code
from server.http.problems import BODY, FieldError, Problem, unacceptable
from storage.records.batch import THEN, Batch, BatchPage, BatchProgress, PipelineJob
from storage.records.ids import MAX_BATCH_JOBS, id_in_batch
from storage.records.states import Status


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
    names: dict[str, Id]
    """The ids of the jobs that have names."""
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


class PipelineJobDocument(TypedDict):
    """A job of a batch, and what it runs after."""

    job_id: Id
    """Id of the job."""
    name: str | None
    """Its name in the batch; null without one."""
    type: str
    """Its job type."""
    status: Status
    """Its status."""
    after: list[Id]
    """The jobs that it was submitted to run after, which need not belong to the batch."""


class PipelineDocument(TypedDict):
    """Which jobs of a batch run after which."""

    batch_id: Id
    """Id of the batch."""
    jobs: list[PipelineJobDocument]
    """The jobs of the batch in their order, without deleted ones."""
    then: PipelineJobDocument | None
    """The job that runs when all others have ended; null without one."""


class CanceledBatchDocument(TypedDict):
    """What the cancel of a batch has done."""

    batch_id: Id
    """Id of the batch."""
    matched: int
    """Jobs that were queued or running."""
    changed: int
    """Jobs that were canceled, or whose cancel was requested."""


Refusals = Sequence[RefusalDocument]
MAX_JOB_ERRORS = 5
"""Errors that are reported of one job of a batch."""
MAX_REFUSALS = 1000
"""Refused jobs whose errors are reported; of further ones, only the code."""
_LAST_DIGITS = 4
"""The hexadecimal digits in which the ids of a batch differ: MAX_BATCH_JOBS are less than 2¹⁴."""


class BatchQuery(Query):
    """The query parameters of the submission of a batch."""

    atomic: bool = Field(
        False, description="true: if one job is refused, no job is stored, and the status is 422"
    )


class BatchListQuery(Query, Cursor):
    """The query parameters of the list of batches."""

    limit: Whole = Field(
        20, ge=1, le=100, description="maximum number of batches in the response; by default 20"
    )


def refusal_document(index: int, problem: Problem) -> RefusalDocument:
    """Describe why the job at an index was refused."""
    errors = [each.document() for each in problem.errors[:MAX_JOB_ERRORS]]
    refusal = {"index": index, "code": str(problem.code), "detail": problem.detail}
    return cast(RefusalDocument, {**refusal, "errors": errors, **problem.members})


def shortened(refusals: Refusals) -> list[RefusalDocument]:
    """Leave out the errors of all refusals behind the first MAX_REFUSALS."""
    omitted = f"not reported: only the errors of the first {MAX_REFUSALS} refused jobs are"
    rest: Iterator[Any] = (
        {**each, "detail": omitted, "errors": []} for each in refusals[MAX_REFUSALS:]
    )
    return [*refusals[:MAX_REFUSALS], *rest]


def refused_batch(refusals: Refusals) -> Problem:
    """The problem of a batch that is refused as a whole, with the errors of its jobs."""
    errors = [
        FieldError(
            _in_batch(refusal["index"], each["field"]),
            each["detail"],
            each["code"],
            each.get("line"),
            each.get("column"),
        )
        for refusal in refusals[:MAX_REFUSALS]
        for each in refusal["errors"] or [_whole(refusal)]
    ]
    malformed = any(each["code"] == str(Code.MALFORMED_JSON) for each in refusals)
    return unacceptable(errors, Code.MALFORMED_JSON if malformed else Code.INVALID_REQUEST)


def _whole(refusal: RefusalDocument) -> FieldDocument:
    """The error of a job that is refused as a whole."""
    return {"field": BODY, "detail": refusal["detail"], "code": "not_allowed"}


def _in_batch(index: int, field: str) -> str:
    """Return the path of a field of a job, such as [3].payload.seconds or then.payload.seconds."""
    job = "then" if index == THEN else f"[{index}]"
    return job if field == BODY else f"{job}.{field}"


def new_batch_document(batch: Batch) -> SubmittedBatchDocument:
    """Build the response to the submission of a batch."""
    refusals = list(cast("Refusals", batch.refusals or ()))
    ids: list[str | None] = list(_id_texts(batch))
    for refusal in refusals:
        ids[refusal["index"]] = None
    return {
        "batch_id": str(batch.id),
        "size": batch.size,
        "refused": batch.refused,
        "job_ids": ids,
        "then": None if batch.then_id is None else str(batch.then_id),
        "names": {name: str(id_in_batch(batch.id, at)) for name, at in batch.names.items()},
        "refusals": refusals,
    }


def _id_texts(batch: Batch) -> Iterator[str]:
    """Yield the ids of all places of a batch. They differ in their last digits only."""
    first = id_in_batch(batch.id, 0)
    beginning = str(first)[:-_LAST_DIGITS]
    low = first.int & ((1 << 4 * _LAST_DIGITS) - 1)
    return (f"{beginning}{low + index:0{_LAST_DIGITS}x}" for index in batch.indexes)


def batches_document(page: BatchPage, limit: int) -> BatchesDocument:
    """Build one page of the list of batches."""
    items = [batch_document(each) for each in page.batches]
    return {"items": items, "limit": limit, "next": encode_cursor(page.next) if page.next else None}


def batch_document(progress: BatchProgress) -> BatchDocument:
    """Build the document of a batch."""
    batch, counts = progress.batch, progress.counts
    return {
        "batch_id": str(batch.id),
        "created_at": rfc3339(batch.created_at),
        "submitted_by": batch.submitted_by,
        "size": batch.size,
        "queued": counts.get(Status.QUEUED, 0),
        "running": counts.get(Status.RUNNING, 0),
        "succeeded": counts.get(Status.SUCCEEDED, 0),
        "failed": counts.get(Status.FAILED, 0),
        "canceled": counts.get(Status.CANCELED, 0),
        "deleted": progress.deleted,
        "refused": batch.refused,
        "then": None if batch.then_id is None else str(batch.then_id),
        "finished": progress.is_finished,
        "finished_at": rfc3339(progress.finished_at),
    }


def pipeline_document(batch: Batch, jobs: Sequence[PipelineJob]) -> PipelineDocument:
    """Build the document of a pipeline from those jobs of a batch that its caller sees."""
    found = {job.id: _pipeline_job(job) for job in jobs}
    then = found.pop(batch.then_id, None) if batch.then_id else None
    return {"batch_id": str(batch.id), "jobs": [*found.values()], "then": then}


def _pipeline_job(job: PipelineJob) -> PipelineJobDocument:
    return {
        "job_id": str(job.id),
        "name": job.name,
        "type": job.type,
        "status": job.status,
        "after": [*map(str, job.after)],
    }


assert MAX_BATCH_JOBS < 1 << 4 * _LAST_DIGITS
