"""`Jobs`: what clients do with single jobs.

Handlers and the fast path read a request, call one of its methods, and write the response that it
returns. The methods raise Problem, and StoreError when the store fails.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from server.auth.authenticate import require_queues
from server.auth.callers import Caller
from server.documents.filters import MAX_IDS
from server.documents.job_documents import job_headers, job_view, rfc3339
from server.documents.options.job_options import JobChanges
from server.documents.queues import UNKNOWN_QUEUE
from server.documents.views import DEFAULT, View
from server.http.codes import Code
from server.http.conditions import ALWAYS, Conditions
from server.http.problems import FieldError, Problem, unacceptable
from server.http.request_log import log_change
from server.http.response import encode_json, etag_of
from server.jobs.admission import QueueWatermark
from server.jobs.long_poll import JobReader
from server.jobs.quotas.quotas import JobQuotas, Reservation
from server.jobs.response import Response
from server.jobs.unique_keys import key_held
from server.jobs.worker_limits import WorkerLimitChecks
from server.store.spans import RequestSpans
from server.store.threads import StoreThreads
from storage.jobs.retention import delete_job
from storage.jobs.rows import OMITTABLE
from storage.jobs.unique_keys import KeyHolder
from storage.notify.wakeup import LISTENER
from storage.open import Store
from storage.queries.bulk import Bulk
from storage.queries.search import find
from storage.records.audit import Actor
from storage.records.filters import Filters
from storage.records.job import Job, JobCheck
from storage.records.json_values import Json
from storage.records.states import CANCEL, FINAL, REQUEST_CANCEL, REQUEUE, Status
from storage.store import JobStore, Page, Refusal
from storage.waiting.followers import canceled_with
from storage.waiting.retries import UnmetPredecessors

CANCEL_WAIT_SECONDS = 2.0
"""How long a cancel waits for the end of the job's process before it answers 202."""
_UNFINISHED = frozenset({Status.QUEUED, Status.RUNNING})
_CANCELABLE = CANCEL.sources | REQUEST_CANCEL.sources | {Status.CANCELED}
"""Statuses in which a cancel is not refused."""


class Jobs:
    """Reads, changes, cancels, retries and deletes single jobs."""

    def __init__(
        self,
        store: Store,
        job_store: JobStore,
        threads: StoreThreads,
        reader: JobReader,
        queue_watermark: QueueWatermark,
        spans: RequestSpans | None,
        root_path: str,
        quotas: JobQuotas,
        bulk: Bulk,
    ):
        self._bulk = bulk
        self._quotas = quotas
        self._store = store
        self._jobs = job_store
        self._threads = threads
        self._reader = reader
        self._queue_watermark = queue_watermark
        self._spans = spans
        self._root_path = root_path
        self._limits = WorkerLimitChecks(store, threads)

    async def get(
        self,
        job_id: UUID,
        caller: Caller,
        seconds: float = 0,
        view: View = DEFAULT,
    ) -> Response:
        """Return the fields of a view of a job, after waiting up to `seconds` for its end."""
        job = await self.wait(job_id, caller, seconds)
        return Response(200, job_view(job, view), job_headers(job))

    async def wait(self, job_id: UUID, caller: Caller, seconds: float = 0) -> Job:
        """Return a job once it is final, or as it is after `seconds` or when the listener stops.

        Raises Problem 404 if the job does not exist or was deleted meanwhile, and if the caller
        does not see it.
        """
        job = (await self.wait_each([job_id], caller, seconds))[job_id]
        if job is None:
            raise job_not_found(job_id)
        return job

    async def wait_each(
        self, ids: Sequence[UUID], caller: Caller, seconds: float
    ) -> dict[UUID, Job | None]:
        """Return jobs once all are final or `seconds` are over; None for each that is not found, or
        that the caller does not see."""
        if not caller.is_limited:
            return await self._reader.wait(ids, seconds)
        found = seen_by(caller, await self._reader.wait(ids, 0))
        # The end of a job that the caller does not see must not end the wait.
        waiting = [job_id for job_id, job in found.items() if job and not job.final]
        if seconds and waiting:
            found |= seen_by(caller, await self._reader.wait(waiting, seconds))
        return found

    async def wait_for(self, filters: Filters, seconds: float) -> bool:
        """Wait until all jobs with the tags and the batch of the filters are final.

        Returns whether they are. Of the other filters, only `view` counts. After `seconds` or when
        the listener stops, it returns.
        """
        unfinished = Filters(_UNFINISHED, tags=filters.tags, batch=filters.batch, view=filters.view)
        deadline, before = time.monotonic() + seconds, None
        while True:
            seen, database = self._reader.changes, self._store.database
            found = await self._threads.run(find, database, unfinished, MAX_IDS, before)
            before, left = found.next, deadline - time.monotonic()
            if not found.ids and before is None:
                return True
            if left <= 0 or self._reader.stopped:
                return False
            if found.ids:
                await self._reader.until_final(found.ids, left, seen)
                before = None

    async def list(
        self,
        filters: Filters,
        limit: int,
        start_after: UUID | None,
        view: View = DEFAULT,
    ) -> Page:
        """Return up to `limit` jobs that match, newest first.

        Large parts of jobs are read only if the view has them.
        """
        omit = OMITTABLE - view.names
        return await self._threads.run(self._jobs.list, filters, limit, start_after, omit)

    async def cancel(
        self, job_id: UUID, caller: Caller, headers: Mapping[str, str], conditions: Conditions
    ) -> Response:
        """Cancel a job, and wait up to CANCEL_WAIT_SECONDS for the end of its process.

        The status is 200 if the job is canceled, 202 if its process may still be running. Raises
        Problem 409 if the job ended before it could be canceled.
        """
        await self._require_may_change(job_id, caller)
        began_at, seen = time.time(), self._reader.changes
        check = job_check(conditions, _CANCELABLE)
        job = await self._threads.run(self._jobs.cancel, job_id, caller.name, check, caller.actor)
        if job is None:
            raise job_not_found(job_id)
        log_change(caller.name, "cancel", job_id=str(job_id))
        if not job.final:
            job = await self._reader.end_of(job_id, CANCEL_WAIT_SECONDS, seen)
            if job is None:
                raise job_not_found(job_id)
        if job.final and job.status != Status.CANCELED:
            raise _ended(job)
        status = 200 if job.final else 202
        if self._spans:
            self._spans.job_changed(job, "cancel", status, headers, began_at)
        message = "job canceled successfully" if job.final else "cancel requested"
        return Response(status, {"job_id": str(job_id), "status": job.status, "message": message})

    async def preview_cancel(self, job_id: UUID, caller: Caller) -> Response:
        """Count the waiting jobs that a cancel of a job would cancel with it.

        Raises Problem 409 as `cancel`.
        """
        await self._require_may_change(job_id, caller)
        job = await self.wait(job_id, caller)
        if job.final and job.status != Status.CANCELED:
            raise _ended(job)
        with_it = await self._threads.run(canceled_with, self._store.database, job_id)
        document: Json = {"job_id": str(job_id), "status": job.status, "message": "dry run"}
        return Response(200, {**document, "downstream": len(with_it)})

    async def retry(
        self,
        job_id: UUID,
        caller: Caller,
        headers: Mapping[str, str],
        conditions: Conditions,
        downstream: bool = False,
    ) -> Response:
        """Queue a failed or canceled job again, with its id and its full number of retries.

        With `downstream`, also the jobs that were canceled because of it and that the caller may
        change. It is no error then if the job itself is not retried, unless there are none.
        """
        await self._require_may_change(job_id, caller)
        began_at = time.time()
        check = job_check(conditions, REQUEUE.sources)
        reserved = await self._reserve_retry(job_id, caller)
        try:
            await self._queue_watermark.admit(caller)
            retried, job = await self._threads.run(self._jobs.retry, job_id, check, caller.actor)
            if retried is True:
                reserved.keep(1)
        finally:
            reserved.release()
        if job is None:
            raise job_not_found(job_id)
        if isinstance(retried, KeyHolder):
            raise key_held(retried, caller)
        if isinstance(retried, UnmetPredecessors):
            raise unmet(retried)
        followers = await self._retry_downstream(job_id, caller) if downstream else 0
        if not retried and not followers:
            allowed = "only a job that failed or was canceled can be retried"
            raise Problem(_status_code(job.status), f"the job is {job.status}; {allowed}")
        if retried and self._spans:
            self._spans.job_changed(job, "retry", 202, headers, began_at)
        log_change(caller.name, "retry", job_id=str(job_id))
        document: Json = {
            "job_id": str(job_id),
            "status": Status.QUEUED if retried else job.status,
            "message": "job queued again" if retried else "jobs that follow it queued again",
        }
        if downstream:
            document["downstream"] = followers
        return Response(202, document, {"Location": f"{self._root_path}/jobs/{job_id}"})

    async def _retry_downstream(self, job_id: UUID, caller: Caller) -> int:
        """Retry the jobs that were canceled because of a job, and return how many."""

        def is_allowed(submitted_by: str | None, queue: str) -> bool:
            return caller.sees(submitted_by, queue) and caller.may_change(submitted_by)

        given = job_id, is_allowed, caller.actor
        followers = await self._threads.run(self._bulk.retry_downstream, *given)
        self._queue_watermark.add(caller, followers)
        self._quotas.forget(caller)
        return followers

    async def _reserve_retry(self, job_id: UUID, caller: Caller) -> Reservation:
        """Reserve a job that its own caller retries. Raises Problem 404 and 429, and StoreError.

        Jobs of others count against their quotas, which do not refuse the retry.
        """
        if not self._quotas.limits_jobs(caller):
            return self._quotas.nothing
        job = await self.wait(job_id, caller)
        is_own = caller.is_own(job.submitted_by)
        return await self._quotas.reserve(caller, 1) if is_own else self._quotas.nothing

    async def change(
        self, job_id: UUID, changes: JobChanges, caller: Caller, conditions: Conditions
    ) -> Response:
        """Change options of a queued job, and return it."""
        await self._require_may_change(job_id, caller)
        check = job_check(conditions, {Status.QUEUED})
        columns = changes.columns(self._store.clock())
        require_queues(caller, [columns["queue"]] if "queue" in columns else [])
        if columns.keys() & {"limits", "queue"}:
            changed_limits = columns.get("limits", {}), columns.get("queue")
            old = await self.wait(job_id, caller)
            await self._limits.require_change_allowed(old, *changed_limits)
        given = job_id, columns, check, caller.actor
        changed, job = await self._threads.run(self._jobs.change, *given)
        if job is None:
            raise job_not_found(job_id)
        if changed is Refusal.QUEUE:
            raise unacceptable([UNKNOWN_QUEUE])
        if changed is Refusal.EXPIRY:
            name = "delay" if "delay" in changes.model_fields_set else "run_at"
            before = f"it must be before expires_at, {rfc3339(job.expires_at)}"
            detail = f"{before}, or the job would never start"
            raise unacceptable([FieldError(name, detail, "out_of_range")])
        if not changed:
            detail = f"the job is {job.status}; only a queued job can be changed"
            raise Problem(Code.JOB_NOT_QUEUED, detail)
        log_change(caller.name, "change", job_id=str(job_id), fields=", ".join(sorted(columns)))
        return Response(200, job_view(job), job_headers(job))

    async def delete(self, job_id: UUID, caller: Caller, conditions: Conditions) -> Response:
        """Delete a final job, and its file unless another job uses it."""
        await self._require_may_change(job_id, caller)
        check = job_check(conditions, FINAL)
        status = await self._threads.run(self._delete, job_id, check, caller.actor)
        if status is None:
            raise job_not_found(job_id)
        if status not in FINAL:
            how = f"cancel it first: POST /jobs/{job_id}/cancel"
            raise Problem(_status_code(status), f"the job is {status}; {how}")
        log_change(caller.name, "delete", job_id=str(job_id))
        return Response(204)

    async def _require_may_change(self, job_id: UUID, caller: Caller) -> None:
        """Raise Problem 403 if the caller may not change this job, or 404 if it does not exist or
        the caller does not see it.

        An admin may change any job; for an admin of all queues, the job is not looked up.
        """
        if caller.may_change_all:
            return
        job = await self.wait(job_id, caller)
        if not caller.may_change(job.submitted_by):
            detail = f"{caller.name} has not submitted this job: changing it needs the role admin"
            raise Problem(Code.NOT_YOUR_JOB, detail)

    def _delete(self, job_id: UUID, check: JobCheck | None, actor: Actor | None) -> Status | None:
        """Delete a job if it is final. Returns the status that it had, None without such a job."""
        given = job_id, check, actor, self._store.clock()
        status, unused_files = delete_job(self._store.database, *given)
        self._store.delete_files(unused_files)
        self._store.wakeup.notify(LISTENER)
        return status


def _ended(job: Job) -> Problem:
    detail = f"the job has already {job.status}; it cannot be canceled"
    return Problem(Code.JOB_ENDED, detail)


def seen_by(caller: Caller, jobs: Mapping[UUID, Job | None]) -> dict[UUID, Job | None]:
    """Return the jobs with None for each that the caller does not see."""
    return {
        job_id: job if job and caller.sees(job.submitted_by, job.queue) else None
        for job_id, job in jobs.items()
    }


def job_check(conditions: Conditions, statuses: Collection[Status]) -> JobCheck | None:
    """Return a check for the store: it raises Problem 412 if the conditions do not hold.

    It compares the ETag of GET /jobs/ID, if the job has one of `statuses`, which the request can
    change. In another status, the store refuses the request. None for a request without conditions.
    """
    if conditions == ALWAYS:
        return None

    def check(job: Job) -> None:
        if job.status in statuses:
            conditions.require(etag_of(encode_json(job_view(job))))

    return check


def job_not_found(job_id: UUID) -> Problem:
    """404: no job has this id."""
    detail = f"there is no job {job_id}; it may have been deleted after its retention"
    return Problem(Code.JOB_NOT_FOUND, detail)


def unmet(predecessors: UnmetPredecessors) -> Problem:
    """409: predecessors of a job keep it from being retried. The problem names some of them."""
    named, more = ", ".join(map(str, predecessors.ids[:3])), len(predecessors.ids) - 3
    if predecessors.is_deleted:
        detail = f"its input is the result of the job {named}, which was deleted"
        return Problem(Code.INPUT_DELETED, detail)
    named += f" and {more} more" if more > 0 else ""
    detail = f"it runs only after the success of {named}, which failed or was canceled"
    return Problem(Code.PREDECESSOR_FAILED, f"{detail}: retry that first")


def _status_code(status: Status) -> Code:
    """The code of a problem whose cause is the status of a job, such as job_running."""
    return Code[f"JOB_{status.upper()}"]
