"""`BatchSubmissions`: checks and stores batches, waits for them and cancels them.

Handlers read a request, call one of its methods, and write the response that it returns. The
methods raise Problem, and StoreError when the store fails.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import cast
from uuid import UUID

from server.auth.callers import Caller
from server.documents.batch_documents import (
    BatchListQuery,
    Refusals,
    batch_document,
    batches_document,
    new_batch_document,
    pipeline_document,
    refusal_document,
    refused_batch,
    shortened,
)
from server.http.codes import Code
from server.http.problems import FieldError, Problem, unacceptable, unavailable
from server.http.request_log import log_change
from server.http.response import encode_json
from server.jobs.admission import Admission, QueueWatermark, key_reused
from server.jobs.jobs import Jobs
from server.jobs.response import Response
from server.jobs.submissions import REPLAYED_HEADER, Submissions, required
from server.jobs.unique_keys import key_held
from server.jobs.validation.batch import CheckedPiece
from server.jobs.validation.batch_body import BatchBody
from server.jobs.validation.batch_checks import BatchChecks
from server.jobs.worker_limits import WorkerLimitChecks
from server.store.threads import StoreThreads
from storage.batch_submission import Batches
from storage.queries.bulk import Bulk
from storage.records.batch import THEN, Batch, BatchJob, BatchProgress, BatchRefused, NewBatch
from storage.records.filters import Filters
from storage.records.holds import Hold, Watch
from storage.records.ids import batch_id_of, is_in_batch, new_batch_id
from storage.records.job import EncodedJson, NewJob, StoreInDoubt
from storage.records.json_values import Json, JsonValue
from storage.store import MissingPredecessors, Refused


@dataclass
class _Checked:
    """The checked jobs of a batch: those to store, with the id of the batch, and the refusals."""

    batch_id: UUID
    caller: Caller
    traceparent: str | None
    watched: int
    """What reacts to the end of the jobs."""
    names: Mapping[str, int]
    """The indexes of the jobs that have names."""
    then: NewJob | None = None
    """The job that runs when all others have ended."""
    templates: list[NewJob] = field(default_factory=list)
    jobs: list[BatchJob] = field(default_factory=list)
    refusals: list[JsonValue] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    """The numbers of templates, by what they were made from."""

    def take(self, piece: CheckedPiece) -> None:
        """Add the jobs of a piece."""
        numbers = [self._number(*each) for each in piece.templates]
        self.jobs += [(index, numbers[number], text) for index, number, text in piece.jobs]
        self.refusals += [refusal_document(*each) for each in piece.refused]

    def _number(self, source: str, template: NewJob) -> int:
        """Return the number of a template, which is added if it is new."""
        number = self._numbers.setdefault(source, len(self.templates))
        if number == len(self.templates):
            watched = template.watched | self.watched
            own = self._of_caller(template, batch_id=self.batch_id, watched=watched)
            self.templates.append(own)
        return number

    def take_then(self, piece: CheckedPiece) -> None:
        """Take the job that runs when all others have ended. Raises Problem 400 and 422."""
        for index, problem in piece.refused:
            raise refused_batch([refusal_document(index, problem)])
        ((_, template),), ((_, _, text),) = piece.templates, piece.jobs
        holds = template.holds | Hold.BATCH
        self.then = self._of_caller(template, holds=holds, payload=EncodedJson(text, ""))

    def _of_caller(self, job: NewJob, **own: object) -> NewJob:
        return job.replaced(
            **own,
            submitted_by=self.caller.name,
            traceparent=self.traceparent,
            replaces_all=self.caller.may_change_all,
            actor=self.caller.actor,
        )


class BatchSubmissions:
    """Checks and stores batches, waits for them and cancels them."""

    def __init__(
        self,
        batches: Batches,
        bulk: Bulk,
        threads: StoreThreads,
        checks: BatchChecks,
        submissions: Submissions,
        jobs: Jobs,
        queue_watermark: QueueWatermark,
        cell: int | None,
        root_path: str,
        limits: WorkerLimitChecks,
    ):
        self._batches = batches
        self._bulk = bulk
        self._threads = threads
        self._checks = checks
        self._submissions = submissions
        self._jobs = jobs
        self._queue_watermark = queue_watermark
        self._cell = cell
        self._root_path = root_path
        self._limits = limits

    def body(self, content: bytes, is_lines: bool) -> BatchBody:
        """Return the body of a new batch: JSON, or with `is_lines` JSON lines."""
        return BatchBody(content, is_lines, new_batch_id(self._cell))

    async def submit(self, admission: Admission, body: BatchBody, is_atomic: bool) -> Response:
        """Check and store a batch. The body of the response is encoded already."""
        try:
            checked = await self._check(admission, body)
            refusals = shortened(checked.refusals)
            if not checked.jobs or ((is_atomic or checked.names) and refusals):
                raise refused_batch(refusals)
            batch, text = await self._store(admission, body, is_atomic, checked, refusals)
            if batch.fingerprint is None:
                admission.keep(batch.size + (batch.then_id is not None))
        finally:
            admission.release()
        if batch.fingerprint is None:
            log_change(
                admission.caller.name, "submit batch", batch_id=str(batch.id), jobs=batch.size
            )
        headers = {"Location": f"{self._root_path}/batches/{batch.id}"}
        if batch.fingerprint is not None:
            headers[REPLAYED_HEADER] = "true"
        return Response(202, text, headers)

    async def get(self, batch_id: UUID, caller: Caller, seconds: float) -> Json:
        """Return the document of a batch, after waiting up to `seconds` for its end."""
        progress = await self._progress(batch_id, caller)
        if seconds and not progress.is_finished:
            await self._jobs.wait_for(Filters(batch=batch_id), seconds)
            progress = await self._progress(batch_id, caller)
        return dict(batch_document(progress))

    async def pipeline(self, batch_id: UUID, caller: Caller) -> Json:
        """Return the jobs of a batch that the caller sees, and for each the jobs before it."""
        batch = (await self._progress(batch_id, caller)).batch
        jobs = await self._threads.run(self._batches.pipeline, batch)
        seen = [job for job in jobs if caller.sees(job.submitted_by, job.queue)]
        return dict(pipeline_document(batch, seen))

    async def page(self, query: BatchListQuery, caller: Caller) -> Json:
        """Return a page of the list of batches; of a caller who does not see all jobs, its own."""
        owner = caller.name if caller.is_limited else None
        given = query.limit, query.start_after(), owner
        page = await self._threads.run(self._batches.page, *given)
        return dict(batches_document(page, query.limit))

    async def cancel(self, batch_id: UUID, caller: Caller) -> Json:
        """Cancel the queued jobs of a batch, and request the cancel of its running ones."""
        progress = await self._progress(batch_id, caller)
        if not caller.may_change(progress.batch.submitted_by):
            detail = f"{caller.name} has not submitted this batch: changing it needs the role admin"
            raise Problem(Code.NOT_YOUR_JOB, detail)
        then = progress.batch.then_id
        if then and not progress.is_finished:  # first: else it would run
            await self._threads.run(self._batches.cancel_then, then, caller.name, caller.actor)
        cancel = partial(
            self._bulk.cancel, Filters(batch=batch_id), by=caller.name, actor=caller.actor
        )
        matched = changed = 0
        before: UUID | None = None
        while True:
            done = await self._threads.run(cancel, before=before, dry_run=False)
            matched, changed = matched + done.matched, changed + done.changed
            before = done.next
            if before is None:
                break
        log_change(caller.name, "cancel batch", batch_id=str(batch_id), jobs=changed)
        return {"batch_id": str(batch_id), "matched": matched, "changed": changed}

    async def _progress(self, batch_id: UUID, caller: Caller) -> BatchProgress:
        """Return how far a batch is. Raises Problem 404, also for a batch of another caller if this
        one does not see all jobs."""
        progress = await self._threads.run(self._batches.get, batch_id)
        hidden = progress and caller.is_limited and not caller.is_own(progress.batch.submitted_by)
        if progress is None or hidden:
            detail = f"there is no batch {batch_id}; its jobs may have been deleted"
            if batch_id_of(batch_id) != batch_id:
                detail = f"{batch_id} is no id of a batch; a job names its batch in batch_id"
            raise Problem(Code.BATCH_NOT_FOUND, detail)
        return progress

    async def _check(self, admission: Admission, body: BatchBody) -> _Checked:
        split = await self._checks.split(body)
        count = len(split.jobs) + (split.then is not None)
        if count > 1:
            await admission.reserved.add_jobs(count - 1)
            await self._queue_watermark.admit(admission.caller, count - 1)
        span = admission.span
        trace = span.traceparent if span else None
        watched = 0 if split.then is None else Watch.BATCHES
        checked = _Checked(body.batch_id, admission.caller, trace, watched, split.names)
        if split.then is not None:
            async for piece in self._checks.check([split.then], THEN):
                await self._require_allowed(piece, checked)
                checked.take_then(piece)
        async for piece in self._checks.check(split.jobs):
            await self._require_allowed(piece, checked)
            await self._threads.run(checked.take, piece)
        return checked

    async def _require_analyses(self, piece: CheckedPiece, caller: Caller) -> None:
        """Refuse the jobs that are to be compared with analyses that do not exist."""
        if not piece.compared:
            return
        for index, compared in piece.compared.items():
            try:
                await self._submissions.require_analysis(*compared, caller)
            except Problem as problem:
                piece.refused.append((index, problem))
        refused = {index for index, _ in piece.refused}
        piece.jobs = [each for each in piece.jobs if each[0] not in refused]
        piece.refused.sort(key=lambda each: each[0])

    async def _require_allowed(self, piece: CheckedPiece, checked: _Checked) -> None:
        """Refuse the jobs that name analyses, jobs or queues that the caller does not see, and
        those whose limits no living worker allows."""
        caller = checked.caller
        await self._require_analyses(piece, caller)
        templates = [template for _, template in piece.templates]
        found = await self._limits.errors(templates)
        problems = {number: unacceptable(errors) for number, errors in found.items()}
        for number, template in enumerate(templates if caller.is_limited else ()):
            try:
                await self._submissions.require_seen(template, caller, checked.batch_id)
            except Problem as problem:
                problems[number] = problem
        if not problems:
            return
        refused = [
            (index, problems[number]) for index, number, _ in piece.jobs if number in problems
        ]
        piece.jobs = [each for each in piece.jobs if each[1] not in problems]
        piece.refused = sorted([*piece.refused, *refused], key=lambda each: each[0])

    async def _store(
        self,
        admission: Admission,
        body: BatchBody,
        is_atomic: bool,
        checked: _Checked,
        refusals: Refusals,
    ) -> tuple[Batch, bytes]:
        def store() -> tuple[Batch, bytes]:
            key = admission.key
            keyed = None if key is None else (key, fingerprint(body, is_atomic))
            documents = [dict(each) for each in refusals]
            new = NewBatch(
                checked.batch_id,
                checked.templates,
                checked.jobs,
                documents,
                is_atomic or bool(checked.names),
                admission.caller.name,
                keyed,
                checked.then,
                admission.caller.actor,
                checked.names,
            )
            batch = self._batches.add(new, partial(_refusal_of_store, admission.caller))
            if keyed and batch.fingerprint not in (None, keyed[1]):
                raise key_reused()
            return batch, encode_json(new_batch_document(batch))

        try:
            return await self._threads.run(store)
        except BatchRefused as refused:
            documents = cast("Refusals", refused.refusals)
            raise refused_batch(documents) from None
        except StoreInDoubt as error:
            admission.keep(len(checked.jobs) + (checked.then is not None))
            detail = (
                "the store failed, and may or may not have stored the batch: ask with"
                f" GET /batches/{checked.batch_id}"
            )
            uncertain = Code.SUBMISSION_UNCERTAIN
            raise unavailable(detail, uncertain, batch_id=str(checked.batch_id)) from error


def _refusal_of_store(caller: Caller, index: int, refused: Refused, new: NewJob) -> Json:
    """Describe to a caller why the store has refused a job.

    A job that asks for the holder of its unique key is refused, too: that one is not of the batch.
    """
    batch_id, missing = new.batch_id, isinstance(refused, MissingPredecessors) and refused.ids
    if batch_id and missing and all(is_in_batch(each, batch_id) for each in missing):
        error = FieldError("after", "a job of this batch that it follows is refused", "not_allowed")
        return dict(refusal_document(index, unacceptable([error])))
    try:
        holder = required(refused, new, caller)
        problem = key_held(holder, caller)
    except Problem as found:
        problem = found
    return dict(refusal_document(index, problem))


def fingerprint(body: BatchBody, is_atomic: bool) -> str:
    """Return a hash over everything that the client submitted."""
    digest = hashlib.sha256(f"batch {body.is_lines} {is_atomic}\n".encode())
    digest.update(body.content)
    return digest.hexdigest()
