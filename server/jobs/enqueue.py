"""Stores a new job, and turns the store's refusals into problems."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from server.documents.queues import UNKNOWN_QUEUE
from server.http.codes import Code
from server.http.problems import FieldError, Problem, unacceptable, unavailable
from server.jobs.services import Services
from server.store.idempotency import fingerprint
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.records.job import NewJob, StoreInDoubt
from storage.store import Refusal


async def enqueue_job(services: Services, job: NewJob) -> UUID:
    """Store a new job, and return its id once it is durable.

    Raises StoreError, Problem 422, and Problem 503 with the job's id if it is uncertain whether the
    job was stored.
    """
    with _doubt_as_problem(job):
        job_id = await services.enqueue_batcher.call(job)
    if isinstance(job_id, Refusal):
        raise _problem_of(job_id)
    return job_id


async def enqueue_with_key(services: Services, key: str, job: NewJob) -> StoredKey:
    """Store a new job under its Idempotency-Key, unless the key already stands for another job.

    Returns the key's job, new or old, once it is durable. Raises StoreError, Problem 422, and
    Problem 503 with the job's id if it is uncertain whether the job was stored.
    """
    with _doubt_as_problem(job):
        stored = await services.keyed_enqueue_batcher.call(KeyedJob(key, fingerprint(job), job))
    if isinstance(stored, Refusal):
        raise _problem_of(stored)
    return stored


async def require_queue(services: Services, name: str) -> None:
    """Raise Problem 422 if there is no queue with this name, which must be valid."""
    if unknown := await services.unknown_queue(name):
        raise unknown


@contextmanager
def _doubt_as_problem(job: NewJob) -> Iterator[None]:
    try:
        yield
    except StoreInDoubt as error:
        detail = "the store failed, and may or may not have stored the job: ask with GET /jobs/ID"
        raise unavailable(detail, Code.SUBMISSION_UNCERTAIN, job_id=str(job.id)) from error


def _problem_of(refusal: Refusal) -> Problem:
    if refusal is Refusal.QUEUE:
        return unacceptable([UNKNOWN_QUEUE])
    detail = "there is no such job with a file; it may have been deleted"
    return unacceptable([FieldError("payload.source.job_id", detail, "unknown")])


def job_not_found(job_id: UUID) -> Problem:
    """404: no job has this id."""
    detail = f"there is no job {job_id}; it may have been deleted after its retention"
    return Problem(Code.JOB_NOT_FOUND, detail)
