"""Estimates when a new job starts and ends, and refuses one that would miss its deadline."""

from server.documents.job_documents import rfc3339
from server.http.codes import Code
from server.http.problems import FieldError, Problem
from server.store.threads import StoreThreads
from storage.jobs.idempotency import has_key
from storage.open import Store
from storage.queries.explain import Explanation, explain_job
from storage.records.job import Job, NewJob
from storage.store import JobStore, Refused


class Estimates:
    """Explains jobs that are not stored."""

    def __init__(self, store: Store, job_store: JobStore, threads: StoreThreads):
        self._store = store
        self._job_store = job_store
        self._threads = threads

    async def explain(self, job: NewJob) -> Explanation | Refused:
        """Return the situation that a new job would have, or why it would not be stored.

        If another job holds its unique key and would be the response, it is explained instead.
        """
        return await self._threads.run(self._explain, job)

    async def has_key(self, key: str | None) -> bool:
        """Return whether the key stands for a job, which answers the submission."""
        return key is not None and await self._threads.run(has_key, self._store.database, key)

    def _explain(self, new: NewJob) -> Explanation | Refused:
        job = self._job_store.try_enqueue(new)
        if not isinstance(job, Job):
            return job
        store = self._store
        return explain_job(store.database, store.clock, store.runners_folder, job)


def require_in_time(explanation: Explanation) -> None:
    """Raise Problem 409 with the estimate if a job is expected to end after its deadline."""
    job, end = explanation.job, explanation.earliest_end
    if job.finish_by is None or end <= job.finish_by:
        return
    starts_at, ends_at = rfc3339(explanation.earliest_start), rfc3339(end)
    takes, members = "", {"estimated_start_at": starts_at}
    if explanation.duration is not None:
        takes = f", and jobs of its type take about {explanation.duration:.3g} s"
        members["estimated_end_at"] = ends_at
    how = "is expected to start at" if explanation.seconds else "starts at the earliest at"
    detail = f"the job {how} {starts_at}{takes}: too late for {rfc3339(job.finish_by)}"
    errors = [FieldError("finish_by", detail, "out_of_range")]
    raise Problem(Code.DEADLINE_UNREACHABLE, f"finish_by: {detail}", errors, members=members)
