"""`JobStore`: the operations of the store for clients. `claims` has those for runners."""

import builtins
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from uuid import UUID

from storage.audit.record import record, record_each
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow, UploadRow
from storage.db.statements import Row, Values
from storage.files.space_reserve import SpaceReserve
from storage.jobs.changes import add_tags, change_queued
from storage.jobs.file_rows import file_of, files_of
from storage.jobs.idempotency import KeyedJob, StoredKey, change_jobs, delete_keys, store_keys
from storage.jobs.queues import existing_queues
from storage.jobs.rows import jobs_by_id, unfinished_among
from storage.jobs.statements import insert_job
from storage.jobs.transitions import Transitions
from storage.jobs.unique_keys import (
    Holders,
    KeyHolder,
    holder_of_key,
    rows_of_holders,
    with_different_keys,
)
from storage.new_rows import expiry_of, new_row, start_of
from storage.notify.wakeup import LISTENER, WORKER, Wakeup, notifying_transaction
from storage.queries.id_skew import IdSkew
from storage.queries.search import find
from storage.records.alike import AlikeRows, by_columns, types
from storage.records.audit import Actor
from storage.records.batch import BatchJob
from storage.records.filters import Filters
from storage.records.job import Job, JobCheck, NewJob, StoreError
from storage.records.job_file import JobFile
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import Status
from storage.waiting.dependencies import let_wait, missing_predecessors
from storage.waiting.places import hold_for_places
from storage.waiting.reactions import react_to_ended
from storage.waiting.retries import Retried, retry


class Refusal(StrEnum):
    """Why a new job was not stored."""

    SOURCE = "source"
    """The source job has no file, or does not exist."""
    QUEUE = "queue"
    """The queue does not exist."""
    EXPIRY = "expiry"
    """The job would expire before it may start."""


@dataclass(frozen=True)
class MissingPredecessors:
    """A new job was not stored, because it is to run after jobs that do not exist."""

    ids: tuple[UUID, ...]


Refused = Refusal | KeyHolder | MissingPredecessors
"""Why a new job was not stored; the second is the job that holds its unique key."""


@dataclass(frozen=True)
class Page:
    """One page of a list, newest first.

    `next` is the cursor of the next page, None on the last page.
    """

    jobs: list[Job]
    next: UUID | None


class _Undone(Exception):
    """Rolls a transaction back."""


class JobStore:
    """Stores, finds and cancels jobs; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails.
    """

    def __init__(
        self, database: Database, wakeup: Wakeup, clock: Clock, audits_submissions: bool = False
    ):
        """With `audits_submissions`, the audit log has an entry for each job of an actor that is
        submitted alone."""
        self._audits_submissions = audits_submissions
        self._database = database
        self._wakeup = wakeup
        self._clock = clock
        self._transitions = Transitions(database)
        self._skew = IdSkew(database)
        self._reserve = SpaceReserve(database.file)

    def enqueue(self, jobs: Sequence[NewJob]) -> list[UUID | Refused]:
        """Store new jobs; they are durable when this returns.

        Returns the id of each job, in order, or why it was refused. After StoreInDoubt, either all
        or none are stored; after any other error, none.
        """
        with notifying_transaction(self._wakeup, self._database, WORKER) as woken:
            stored = self.add(jobs, woken)
        self._react_if_ended(woken)
        return stored

    def add_alike(
        self, batch_id: UUID, templates: Sequence[NewJob], jobs: Sequence[BatchJob]
    ) -> dict[int, Refusal]:
        """Store the jobs of a batch that are alike, inside a transaction that wakes workers.

        Returns the numbers of templates whose jobs were refused, with the reasons.
        """
        found = dict(enumerate(self._rows(templates, {})))
        rows = {number: row for number, row in found.items() if isinstance(row, dict)}
        for type, count in types(rows, jobs).items():
            self._database.counters.add(type, "submitted", count)
        for names, some in by_columns(rows, jobs).items():
            first = self._database.next_version_offset(len(some)) + len(some) - 1
            new = AlikeRows(batch_id, rows, some, first)
            self._skew.record([new[0], new[-1]])
            self._insert_rows(names, new)
        return {number: row for number, row in found.items() if isinstance(row, Refusal)}

    def enqueue_once(self, keyed: Sequence[KeyedJob]) -> list[StoredKey | Refused]:
        """Store new jobs whose keys are new, and return the stored key of each, in order.

        The key of a refused job is freed, or stands for the job that answers it. Raises as
        `enqueue` does.
        """
        with notifying_transaction(self._wakeup, self._database, WORKER) as woken:
            kept = store_keys(self._database, keyed)
            new = [each for each in keyed if kept[each.key].job_id == each.job.id]
            stored = self.add([each.job for each in new], woken)
            refused = {
                each.key: outcome
                for each, outcome in zip(new, stored, strict=True)
                if not isinstance(outcome, UUID)
            }
            answers = {
                key: outcome.job_id
                for key, outcome in refused.items()
                if isinstance(outcome, KeyHolder) and outcome.is_answer
            }
            change_jobs(self._database, answers)
            delete_keys(self._database, [key for key in refused if key not in answers])
        self._react_if_ended(woken)
        return [refused.get(each.key, kept[each.key]) for each in keyed]

    def try_enqueue(self, job: NewJob) -> Job | Refused:
        """Return a new job as `enqueue` would store it, or why it would be refused.

        If it asks for the job that holds its unique key, that one is returned.

        The job is stored in a transaction that is rolled back, so every check is made.
        """
        found: Job | Refused | None = None
        with suppress(_Undone), self._database.transaction():
            (stored,) = self.add([job], [])
            if isinstance(stored, UUID):
                found = self.get(stored)
            elif isinstance(stored, KeyHolder) and stored.is_answer:
                found = self.get(stored.job_id)
            else:
                found = stored
            raise _Undone
        assert found
        return found

    def get(self, job_id: UUID) -> Job | None:
        """Return a job with its attempts, or None."""
        return self.get_each([job_id])[0]

    def get_each(self, ids: Sequence[UUID]) -> builtins.list[Job | None]:
        """Return several jobs with their attempts, in order; None for each that does not exist."""
        found = jobs_by_id(self._database, ids)
        return [found.get(job_id) for job_id in ids]

    def files(self, job_id: UUID) -> builtins.list[JobFile]:
        """Return the files that a job has left, in the order of their positions."""
        return files_of(self._database, job_id)

    def file(self, job_id: UUID, name: str) -> JobFile | None:
        """Return the file with this name that a job has left, or None."""
        return file_of(self._database, job_id, name)

    def unfinished(self, ids: Collection[UUID]) -> set[UUID]:
        """Return the ids of those jobs that exist and are not final."""
        return unfinished_among(self._database, list(ids))

    def list(
        self,
        filters: Filters,
        limit: int,
        before: UUID | None = None,
        omit: Collection[str] = (),
    ) -> Page:
        """Return up to `limit` jobs older than `before`, newest first.

        A page can be shorter if the search takes too long. `omit` is as for `jobs_by_id`.
        """
        found = find(self._database, filters, limit, before)
        jobs = jobs_by_id(self._database, found.ids, omit) if found.ids else {}
        return Page([jobs[job_id] for job_id in found.ids if job_id in jobs], found.next)

    def cancel(
        self,
        job_id: UUID,
        by: str | None = None,
        check: JobCheck | None = None,
        actor: Actor | None = None,
    ) -> Job | None:
        """Cancel a queued job at once, or request the cancel of a running one.

        Returns the job afterwards, or None if there is no such job. A final job is not changed.
        `by` is the name of the caller. With an actor, the cancel is recorded in the audit log. On a
        full disk, this uses the space reserve. Raises what `check` raises.
        """

        def change() -> None:
            with notifying_transaction(self._wakeup, self._database, WORKER):
                self._check(job_id, check)
                now = self._clock()
                if self._transitions.cancel(job_id, now, by):
                    record(self._database, actor, "cancel", "job", job_id, now)

        self._reserve.retrying(change)
        job = self.get(job_id)
        if job and job.final and job.watched:
            self._react_to_ended()
        return job

    def retry(
        self, job_id: UUID, check: JobCheck | None = None, actor: Actor | None = None
    ) -> tuple[Retried, Job | None]:
        """Queue a failed or canceled job again.

        Returns whether that was done, or why not, and the job afterwards, or None if there is no
        such job. Any other job is not changed. Raises what `check` raises.
        """
        with notifying_transaction(self._wakeup, self._database) as woken:
            self._check(job_id, check)
            now = self._clock()
            retried = retry(self._database, self._transitions, job_id, now)
            if retried is True:
                record(self._database, actor, "retry", "job", job_id, now)
                woken += [WORKER, LISTENER]
        job = self.get(job_id)
        if retried is True and job and job.held:
            self._react_to_ended()  # perhaps it gets its input at once
            job = self.get(job_id)
        return retried, job

    def change(
        self,
        job_id: UUID,
        changes: Values,
        check: JobCheck | None = None,
        actor: Actor | None = None,
    ) -> tuple[bool | Refusal, Job | None]:
        """Change a queued job, see `change_queued`.

        Returns whether that was done, and the job afterwards, or None if there is no such job. Any
        other job is not changed. Raises what `check` raises.
        """
        with notifying_transaction(self._wakeup, self._database, WORKER, LISTENER):
            self._database.next_version(0)  # the queue cannot be deleted meanwhile
            self._check(job_id, check)
            queue = changes.get("queue", DEFAULT_QUEUE)
            if queue != DEFAULT_QUEUE and not existing_queues(self._database, [queue]):
                return Refusal.QUEUE, self.get(job_id)
            job = self.get(job_id) if "run_at" in changes else None
            expires_at = job.expires_at if job and job.status is Status.QUEUED else None
            if expires_at is not None and expires_at <= changes["run_at"]:
                return Refusal.EXPIRY, job
            changed = change_queued(self._database, job_id, changes)
            if changed:
                detail = {"changes": dict(changes)}
                record(self._database, actor, "change", "job", job_id, self._clock(), **detail)
        return changed, self.get(job_id)

    def _react_if_ended(self, woken: Sequence[str]) -> None:
        if LISTENER in woken:  # jobs have ended, or are to be canceled because others have
            self._react_to_ended()

    def _react_to_ended(self) -> None:
        with suppress(StoreError):  # the entries stay, and workers look for them
            react_to_ended(self._database, self._wakeup, self._clock)

    def _check(self, job_id: UUID, check: JobCheck | None) -> None:
        if check is None:
            return
        self._database.next_version(0)  # so that the job stays as it is until it is changed here
        if job := self.get(job_id):
            check(job)

    def add(
        self, jobs: Sequence[NewJob], woken: builtins.list[str]
    ) -> builtins.list[UUID | Refused]:
        """Store new jobs in the current transaction; adds to `woken` whom else to wake.

        A job comes after its predecessors, if some of them are new, too.
        """
        groups = with_different_keys(jobs)
        return [each for some in groups for each in self._add(some, woken)]

    def _add(
        self, jobs: Sequence[NewJob], woken: builtins.list[str]
    ) -> builtins.list[UUID | Refused]:
        """Store new jobs with different unique keys, or without unique keys."""
        holders = rows_of_holders(self._database, jobs)
        rows = self._rows(jobs, holders)
        if holders:
            self._replace(jobs, rows, holders)
            woken.append(LISTENER)
        if self._insert(jobs, rows):
            woken.append(LISTENER)
        return [row["id"] if isinstance(row, dict) else row for row in rows]

    def _replace(
        self,
        jobs: Sequence[NewJob],
        rows: Sequence[Row | Refused],
        holders: Holders,
    ) -> None:
        """Cancel the holders of the keys of new jobs that are stored, and count what happened."""
        for job, row in zip(jobs, rows, strict=True):
            if job.unique_key not in holders or isinstance(row, Refusal | MissingPredecessors):
                continue
            outcome = "replaced"
            if isinstance(row, KeyHolder):
                outcome = "returned" if row.is_answer else "refused"
            else:
                old = holders[job.unique_key]
                new, now = (job.id, job.submitted_by), row["created_at"]
                self._transitions.replace(old["id"], old["type"], now, *new)
                record(self._database, job.actor, "replace", "job", old["id"], now, job_id=job.id)
            self._database.counters.add(job.type, f"unique {outcome}")

    def _rows(self, jobs: Sequence[NewJob], holders: Holders) -> builtins.list[Row | Refused]:
        names = {job.queue for job in jobs} - {DEFAULT_QUEUE}
        if names:
            self._database.next_version(0)  # so that no one deletes these queues meanwhile
            names = existing_queues(self._database, names)
        names.add(DEFAULT_QUEUE)
        missing = missing_predecessors(self._database, jobs)
        rows: list[Row | Refused] = []
        for job in jobs:
            row = self._row(job, holders, names, missing)
            if not isinstance(row, dict):
                missing.add(job.id)
            rows.append(row)
        return rows

    def _row(
        self, job: NewJob, holders: Holders, queues: Collection[str], missing: Collection[UUID]
    ) -> Row | Refused:
        """Return the row of a new job, without its version."""
        if job.queue not in queues:
            return Refusal.QUEUE
        if missing and (lost := tuple(each for each in job.after if each in missing)):
            return MissingPredecessors(lost)
        if job.unique_key in holders:
            holder = holder_of_key(job, holders[job.unique_key])
            if holder is not None:
                return holder
        now = self._clock()
        expires_at = expiry_of(job, now)
        if expires_at is not None and expires_at <= max(now, start_of(job, now)):
            return Refusal.EXPIRY
        upload_id = self._upload_id(job)
        if job.source and upload_id is None:
            return Refusal.SOURCE
        return new_row(job, upload_id, now)

    def _insert(self, jobs: Sequence[NewJob], found: Sequence[Row | Refused]) -> bool:
        """Store the rows of new jobs that were not refused; versions follow their order.

        Returns whether some are to be canceled at once, see `let_wait`.
        """
        stored = [(job, row) for job, row in zip(jobs, found, strict=True) if isinstance(row, dict)]
        rows = [row for _, row in stored]
        if not rows:
            return False
        must_cancel = let_wait(self._database, stored)
        hold_for_places(self._database, rows)
        for type, count in Counter(row["type"] for row in rows).items():
            self._database.counters.add(type, "submitted", count)
        first = self._database.next_version_offset(len(rows)) + len(rows) - 1
        self._skew.record(rows)
        numbered = [{**row, "version": first - n} for n, row in enumerate(rows)]
        alike = defaultdict[tuple[str, ...], list[Row]](list)
        for row in numbered:
            alike[tuple(row)].append(row)
        for names, some in alike.items():
            self._insert_rows(names, some)
        if self._audits_submissions:
            self._record_submissions(stored)
        tagged = [job for job, _ in stored if job.tags]
        add_tags(self._database, [(tag, job.id) for job in tagged for tag in job.tags])
        return must_cancel

    def _record_submissions(self, stored: Sequence[tuple[NewJob, Row]]) -> None:
        """Record new jobs in the audit log, except jobs of a batch, which has one entry."""
        alone = [job for job, _ in stored if job.actor and job.batch_id is None]
        for type in sorted({job.type for job in alone}):
            jobs = [job for job in alone if job.type == type]
            actors, ids = [job.actor for job in jobs], [job.id for job in jobs]
            record_each(self._database, actors, "submit", "job", ids, self._clock(), type=type)

    def _insert_rows(self, names: tuple[str, ...], rows: Sequence[Values]) -> None:
        """Store rows of jobs that have these columns."""
        insert = self._database.statement(("insert", names), partial(insert_job, names))
        self._database.change_each_deferred(insert, rows)

    def _upload_id(self, job: NewJob) -> UUID | None:
        """Return the upload of a job: its new file, or the locked file of its source job."""
        if job.upload:
            self._database.run(UploadRow.insert(**vars(job.upload)))
            return job.upload.id
        if job.source is None:
            return None
        query = UploadRow.select(UploadRow.id).join(JobRow, on=(JobRow.upload_id == UploadRow.id))
        rows = self._database.rows(
            self._database.engine.share(query.where(JobRow.id == job.source))
        )
        return rows[0]["id"] if rows else None
