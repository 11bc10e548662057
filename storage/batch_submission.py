"""`Batches`: stores batches of jobs, each in one transaction.

A batch has a row, and its jobs name it. They are found by their ids: see `storage/records/ids.py`.
Its idempotency key is a key of its first job, so that it is deleted with this job.
"""

from collections.abc import Sequence
from uuid import UUID

from storage.audit.record import record
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import BatchRow, JobRow, KeyRow
from storage.jobs.batch_rows import (
    batch_progress,
    find_batch,
    list_batches,
    names_in_batch,
    pipeline_jobs,
)
from storage.jobs.idempotency import KeyedJob, StoredKey, store_keys
from storage.jobs.transitions import Transitions, to_json_text
from storage.notify.wakeup import WORKER, Wakeup, notifying_transaction
from storage.records.alike import is_alike
from storage.records.audit import Actor
from storage.records.batch import (
    THEN,
    Batch,
    BatchJob,
    BatchPage,
    BatchProgress,
    BatchRefused,
    NewBatch,
    PipelineJob,
    Refuse,
)
from storage.records.holds import Hold
from storage.records.ids import id_in_batch
from storage.records.json_values import Json
from storage.store import JobStore, Refused
from storage.waiting.followers import in_order
from storage.waiting.held import held_by

_AT_ONCE = 500
"""How many jobs that are not alike are prepared at once. For more of them, the garbage collector
would keep all threads waiting."""


class Batches:
    """Stores and reads batches; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails.
    """

    def __init__(self, database: Database, wakeup: Wakeup, clock: Clock, jobs: JobStore):
        self._database = database
        self._wakeup = wakeup
        self._clock = clock
        self._jobs = jobs
        self._transitions = Transitions(database)

    def add(self, batch: NewBatch, refuse: Refuse) -> Batch:
        """Store a batch; its jobs are durable when this returns.

        If its key stands for an earlier batch, that one is returned with its fingerprint, and
        nothing is stored. `refuse` describes the jobs that the store refuses. Raises BatchRefused
        if no job is left, an atomic batch has lost one, or the job that follows is refused. After
        StoreInDoubt, either the whole batch is stored or nothing; after any other error, nothing.
        """
        with notifying_transaction(self._wakeup, self._database, WORKER) as woken:
            if batch.key and (kept := self._keep(batch, batch.key)):
                return self._of_key(kept)
            refused = self._store(batch, woken)
            templates = {index: batch.templates[number] for index, number, _ in batch.jobs}
            new = [refuse(index, refused[index], templates[index]) for index in sorted(refused)]
            refusals = sorted([*batch.refusals, *new], key=_index) if new else batch.refusals
            ids = [index for index, *_ in batch.jobs if index not in refused]
            if not ids or (batch.is_atomic and refusals):
                raise BatchRefused(refusals)
            first, last = (id_in_batch(batch.id, ids[at]) for at in (0, -1))
            if batch.key and ids[0] != batch.jobs[0][0]:
                self._database.run(KeyRow.update(job_id=first).where(KeyRow.key == batch.key[0]))
            if batch.then:
                (then,) = self._jobs.add([batch.then], woken)
                if not isinstance(then, UUID):
                    raise BatchRefused([refuse(THEN, then, batch.then)])
            stored = self._insert(batch, len(ids), last, refusals)
            actor, at = batch.actor, stored.created_at
            record(self._database, actor, "submit batch", "batch", batch.id, at, jobs=len(ids))
            return stored

    def get(self, batch_id: UUID) -> BatchProgress | None:
        """Return how far a batch is, None if there is none with this id."""
        return batch_progress(self._database, batch_id)

    def page(self, limit: int, before: UUID | None, owner: str | None = None) -> BatchPage:
        """Return batches before this one, newest first. `owner` limits them to one caller."""
        return list_batches(self._database, limit, before, owner)

    def pipeline(self, batch: Batch) -> list[PipelineJob]:
        """Return the jobs of a batch that exist, and behind them the one that follows."""
        return pipeline_jobs(self._database, batch)

    def cancel_then(self, job_id: UUID, by: str | None, actor: Actor | None = None) -> None:
        """Cancel the job that follows a batch, if it has not started."""
        with notifying_transaction(self._wakeup, self._database, WORKER):
            self._database.next_version(0)  # so that it is not released meanwhile
            if held_by(self._database, [job_id], Hold.BATCH):
                now = self._clock()
                if self._transitions.cancel(job_id, now, by):
                    record(self._database, actor, "cancel", "job", job_id, now, many=True)

    def _keep(self, batch: NewBatch, key: tuple[str, str]) -> StoredKey | None:
        """Store the key of a batch, unless it is known: then return what it stands for."""
        if not batch.jobs:
            query = KeyRow.select().where(KeyRow.key == key[0])
            rows = self._database.rows(query)
            return StoredKey(rows[0]["job_id"], rows[0]["fingerprint"]) if rows else None
        first = batch.job(batch.jobs[0])
        kept = store_keys(self._database, [KeyedJob(*key, first)])[key[0]]
        return None if kept.job_id == first.id else kept

    def _store(self, batch: NewBatch, woken: list[str]) -> dict[int, Refused]:
        """Store the jobs of a batch. Returns the indexes of the refused ones, with the reasons."""
        alike = [is_alike(template) for template in batch.templates]
        simple = [job for job in batch.jobs if alike[job[1]]]
        refused = self._jobs.add_alike(batch.id, batch.templates, simple) if simple else {}
        found: dict[int, Refused] = {
            index: refused[number] for index, number, _ in simple if number in refused
        }
        if len(simple) == len(batch.jobs):
            return found
        others = [job for job in batch.jobs if not alike[job[1]]]
        if batch.names:
            others = _in_order(batch, others)
        for start in range(0, len(others), _AT_ONCE):
            some = others[start : start + _AT_ONCE]
            stored = self._jobs.add([batch.job(job) for job in some], woken)
            for (index, *_), each in zip(some, stored, strict=True):
                if not isinstance(each, UUID):
                    found[index] = each
        return found

    def _of_key(self, kept: StoredKey) -> Batch:
        """Return the batch of a key. If the key is of a single job, the batch has no jobs."""
        query = JobRow.select(JobRow.batch_id).where(JobRow.id == kept.job_id)
        ids = [row["batch_id"] for row in self._database.rows(query) if row["batch_id"]]
        batch = find_batch(self._database, ids[0]) if ids else None
        if batch is None:
            return Batch(kept.job_id, 0, None, 0, 0, (), fingerprint=kept.fingerprint)
        names = names_in_batch(self._database, batch.id)
        return Batch(**{**vars(batch), "names": names, "fingerprint": kept.fingerprint})

    def _insert(self, batch: NewBatch, size: int, last_id: UUID, refusals: Sequence[Json]) -> Batch:
        then_id = batch.then.id if batch.then else None
        known = batch.id, self._clock(), batch.submitted_by
        new = Batch(*known, size, len(refusals), refusals, then_id, batch.names)
        row = {name: getattr(new, name) for name in ("id", "created_at", "submitted_by", "size")}
        row |= {"last_id": last_id, "refused": len(refusals), "then_id": then_id}
        row["refusals"] = to_json_text(refusals) if batch.key else None
        row["names"] = to_json_text(dict(batch.names)) if batch.names else None
        self._database.run(BatchRow.insert(**row))
        return new


def _in_order(batch: NewBatch, jobs: Sequence[BatchJob]) -> list[BatchJob]:
    """Return jobs of a batch sorted so that each comes after its predecessors in the batch."""
    by_id = {id_in_batch(batch.id, job[0]): job for job in jobs}
    after = {job_id: batch.templates[job[1]].after for job_id, job in by_id.items()}
    return [by_id[each] for each in in_order(by_id, after)]


def _index(refusal: Json) -> int:
    return int(refusal["index"])
