"""`JobStore`: what clients ask of the store. What runners ask is in `claims`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import uuid_utils.compat

from storage.database import Database
from storage.job import Job, NewJob
from storage.models import JobRow, UploadRow
from storage.moves import Moves, dump
from storage.rows import fetch_jobs, select_jobs
from storage.states import CANCEL, REQUEST_CANCEL, Status
from storage.wakeup import WORKER, Wakeup


def now_ms() -> int:
    """Milliseconds since 1970, by this machine's clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Page:
    """A part of a list, newest first. `next` continues it, None at its end."""

    jobs: list[Job]
    next: UUID | None


class JobStore:
    """Stores, finds and cancels jobs; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails.
    """

    def __init__(self, database: Database, wakeup: Wakeup, clock: Callable[[], int] = now_ms):
        self._database = database
        self._wakeup = wakeup
        self._clock = clock
        self._moves = Moves(database)

    def enqueue(self, jobs: Sequence[NewJob]) -> list[UUID | None]:
        """Store new jobs; durable when this returns. Their ids, in order.

        A job whose source has no file (any more) is not stored: None in the place of its id.
        """
        with self._database.transaction():
            ids = [self._insert(job) for job in jobs]
        self._wakeup.notify(WORKER)
        return ids

    def get(self, job_id: UUID) -> Job | None:
        """A job with its attempts, or None."""
        found = fetch_jobs(self._database, select_jobs().where(JobRow.id == job_id))
        return found[0] if found else None

    def list(self, status: Status | None, limit: int, before: UUID | None = None) -> Page:
        """Up to `limit` jobs, newest first, older than `before`."""
        query = select_jobs().order_by(JobRow.id.desc()).limit(limit + 1)
        if status is not None:
            query = query.where(JobRow.status == status)
        if before is not None:
            query = query.where(JobRow.id < before)
        jobs = fetch_jobs(self._database, query)
        return Page(jobs[:limit], jobs[limit - 1].id if len(jobs) > limit else None)

    def cancel(self, job_id: UUID) -> Job | None:
        """Cancel a queued job at once, ask for the cancel of a running one; the job after it.

        A final job stays as it is. None if there is no such job.
        """
        with self._database.transaction():
            # Locked, or a job that is released just now would be met by neither change.
            query = JobRow.select(JobRow.cancel_requested_at).where(JobRow.id == job_id)
            rows = self._database.rows(self._database.lock(query))
            now = self._clock()
            canceled = self._moves.free(CANCEL, job_id, now)
            # Noted once: asked again, the time of the first wish stays.
            if not canceled and rows and rows[0]["cancel_requested_at"] is None:
                self._moves.free(REQUEST_CANCEL, job_id, now, cancel_requested_at=now)
        self._wakeup.notify(WORKER)
        return self.get(job_id)

    def _insert(self, job: NewJob) -> UUID | None:
        upload_id = self._upload_id(job)
        if job.source and upload_id is None:
            return None
        now, job_id = self._clock(), uuid_utils.compat.uuid7()
        row = {
            "id": job_id,
            "type": job.type,
            "status": Status.QUEUED,
            "payload": dump(job.payload),
            "attempt": 0,
            "retry_count": 0,
            "max_retries": job.max_retries,
            "priority": job.priority,
            "timeout": job.timeout,
            "created_at": now,
            "run_at": now if job.run_at is None else job.run_at,
            "version": self._database.next_version(),
            "upload_id": upload_id,
        }
        self._database.run(JobRow.insert(**row))
        return job_id

    def _upload_id(self, job: NewJob) -> UUID | None:
        """The row of the job's file: made for a new one, found and kept for a source's."""
        if job.upload:
            self._database.run(UploadRow.insert(**vars(job.upload)))
            return job.upload.id
        if job.source is None:
            return None
        query = UploadRow.select(UploadRow.id).join(JobRow, on=(JobRow.upload_id == UploadRow.id))
        rows = self._database.rows(self._database.share(query.where(JobRow.id == job.source)))
        return rows[0]["id"] if rows else None
