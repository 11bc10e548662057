"""Storing a new job, with what a client is told where that cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from server.http.problems import FieldError, Problem, unacceptable, unavailable
from server.jobs.services import Services
from server.store.idempotency import fingerprint
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.records.job import NewJob, StoreInDoubt
from storage.store import Refusal


async def store_job(services: Services, job: NewJob) -> UUID:
    """The id of the job, once it is durable.

    Raises StoreError, Problem 422, and Problem 503 with the id of a job that may be stored.
    """
    with _doubt_told(job):
        job_id = await services.new_jobs.ask(job)
    if isinstance(job_id, Refusal):
        raise _refused(job_id)
    return job_id


async def store_once(services: Services, key: str, job: NewJob) -> StoredKey:
    """What the Idempotency-Key of a submission stands for, once that is durable: this job, or an
    earlier one. Raises as `store_job` does."""
    with _doubt_told(job):
        kept = await services.keyed_jobs.ask(KeyedJob(key, fingerprint(job), job))
    if isinstance(kept, Refusal):
        raise _refused(kept)
    return kept


@contextmanager
def _doubt_told(job: NewJob) -> Iterator[None]:
    try:
        yield
    except StoreInDoubt as error:
        detail = "the store failed: whether it has the job is not known, GET /jobs/ID tells"
        raise unavailable(detail, job_id=str(job.id)) from error


def _refused(why: Refusal) -> Problem:
    if why is Refusal.QUEUE:
        detail = "there is no such queue; GET /queues lists them, PUT /queues/NAME makes one"
        return unacceptable([FieldError("queue", detail)])
    detail = "there is no such job with a file; it may have been deleted"
    return unacceptable([FieldError("payload.source.job_id", detail)])


def unknown_job(job_id: UUID) -> Problem:
    """404: there is no such job."""
    return Problem(404, f"there is no job {job_id}; it may have been deleted after its retention")
