"""`Submissions`: checks and stores new jobs.

Handlers and the fast path read a request, call one of its methods, and write the response that it
returns. The methods raise Problem, and StoreError when the store fails.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from server.auth.authenticate import require_queues
from server.auth.callers import Caller
from server.documents.explanations import dry_run_document
from server.documents.file_queries import display_name
from server.documents.job_documents import job_headers, job_view
from server.documents.options.upload_reference import UploadReference
from server.documents.queues import unknown_queue
from server.http.codes import Code
from server.http.problems import FieldError, Problem, joined, unacceptable, unavailable
from server.http.request_log import log_change
from server.jobs.admission import Admission, fingerprint, key_reused
from server.jobs.estimates import Estimates, require_in_time
from server.jobs.jobs import seen_by
from server.jobs.long_poll import JobReader
from server.jobs.response import Response
from server.jobs.unique_keys import key_held
from server.jobs.uploads.resumable_uploads import ResumableService
from server.jobs.uploads.stored_files import StoredFiles
from server.jobs.validation.conflicts import never_starts
from server.jobs.validation.received import Received
from server.jobs.validation.submission import CheckedSubmission, SubmissionChecks
from server.jobs.worker_limits import WorkerLimitChecks
from server.store.threads import Batcher, StoreThreads
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.jobs.queues import Queues
from storage.jobs.unique_keys import KeyHolder
from storage.open import Store
from storage.queries.explain import Explanation
from storage.queries.files_by_hash import find_equal
from storage.records.ids import is_in_batch, new_id
from storage.records.job import Job, NewJob, StoreError, StoreInDoubt, Upload
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.states import Status
from storage.store import JobStore, MissingPredecessors, Refusal, Refused

T = TypeVar("T")

REPLAYED_HEADER = "Idempotency-Replayed"
UNKNOWN_SOURCE = FieldError(
    "payload.source.job_id",
    "there is no such job with a file; it may have been deleted",
    "unknown",
)
"""The error of a submission whose source job does not exist, or has no file."""


@dataclass(frozen=True)
class Submitted:
    """A job that was stored for a submission, or for an earlier one.

    replayed: whether it was stored for an earlier submission with the same key.
    reused: the earlier job whose result answers the submission, so that no job was stored.
    existing: the earlier job that holds its unique key, if the submission asks for that one.
    """

    job_id: UUID
    replayed: bool
    reused: Job | None = None
    existing: KeyHolder | None = None

    @property
    def is_earlier(self) -> bool:
        """Whether the job was there before, so that the file of this submission is not needed."""
        return self.replayed or self.reused is not None or self.existing is not None


class Submissions:
    """Checks and stores new jobs, and waits for their end."""

    def __init__(
        self,
        store: Store,
        job_store: JobStore,
        threads: StoreThreads,
        reader: JobReader,
        checks: SubmissionChecks,
        resumable: ResumableService,
        stored_files: StoredFiles,
        root_path: str,
    ):
        self._store = store
        self._threads = threads
        self._reader = reader
        self._checks = checks
        self._resumable, self._stored_files = resumable, stored_files
        self._root_path = root_path
        self._estimates = Estimates(store, job_store, threads)
        self._limits = WorkerLimitChecks(store, threads)
        self._queues = Queues(store.database, store.wakeup, store.clock)
        self._enqueue = Batcher("enqueue", job_store.enqueue)
        self._enqueue_once = Batcher("enqueue once", job_store.enqueue_once)

    def close(self) -> None:
        """End the threads that store jobs."""
        self._enqueue.close()
        self._enqueue_once.close()

    async def submit(
        self, admission: Admission, body: bytes, seconds: float, is_dry_run: bool = False
    ) -> Response:
        """Check and store a job without a file, and wait up to `seconds` for its end.

        A dry run stores nothing, see `dry_run`.
        """
        try:
            checked = await self.check(Received(body), admission.caller)
            assert checked
            if is_dry_run:
                return await self.dry_run(admission, checked)
            seen = self._reader.changes if seconds else None
            submitted = await self.enqueue_alone(admission, checked)
        finally:
            admission.release()
        return await self.accepted(submitted, seconds, None if submitted.replayed else seen)

    async def check(self, received: Received, caller: Caller) -> CheckedSubmission | None:
        """Parse and validate a submission. Raises Problem 400, 422 and 503.

        Returns None if required fields are missing that may still follow.
        """
        try:
            checked = await self._checks.check(received)
            if checked and checked.compared:
                await self.require_analysis(checked.compared, checked.submission.type, caller)
            return checked
        except Problem as problem:
            try:
                await self.require_queue(problem.queue or DEFAULT_QUEUE)
            except Problem as unknown:
                raise joined([problem, unknown]) from None
            raise

    async def require_queue(self, name: str) -> None:
        """Raise Problem 422 if there is no queue with this name, which must be valid."""
        if name != DEFAULT_QUEUE and await self._threads.run(self._queues.get, name) is None:
            raise unacceptable([unknown_queue(name)])

    async def require_possible(self, admission: Admission, checked: CheckedSubmission) -> None:
        """Raise Problem 409 if a job is expected to miss its deadline, and 422 if no worker allows
        its limits, and as `require_seen`, before its file arrives."""
        job = _new_job(admission, checked, None)
        await self.require_seen(job, admission.caller)
        await self._require_possible(admission.key, job, admission.caller)

    async def require_seen(self, job: NewJob, caller: Caller, batch_id: UUID | None = None) -> None:
        """Raise Problem 403 or 422 if a new job has a queue that its caller may not use, or names
        earlier jobs that its caller does not see.

        It may name jobs of its own batch, which are not stored yet.
        """
        if not caller.is_limited:
            return
        require_queues(caller, [job.queue])
        named = {each for each in (*job.after, job.input_from, job.source) if each is not None}
        if batch_id is not None:
            named = {each for each in named if not is_in_batch(each, batch_id)}
        if not named:
            return
        found = seen_by(caller, await self._reader.wait(list(named), 0))
        hidden = [job_id for job_id in named if found[job_id] is None]
        if job.source in hidden:
            raise unacceptable([UNKNOWN_SOURCE])
        if hidden:
            required(MissingPredecessors(tuple(hidden)), job, caller)

    async def require_allowed(self, job: NewJob) -> None:
        """Raise Problem 422 if no living worker allows the limits of a job."""
        await self._limits.require_allowed(job)

    async def _require_possible(self, key: str | None, job: NewJob, caller: Caller) -> None:
        """Raise Problem 409 or 422, unless the job is stored already, or another one is the
        response."""
        if job.finish_by is None and not job.limits:
            return
        if await self._estimates.has_key(key):
            return
        await self._limits.require_allowed(job)
        if job.finish_by is None:
            return
        explanation = required(await self._estimates.explain(job), job, caller)
        if isinstance(explanation, Explanation) and explanation.job.id == job.id:
            require_in_time(explanation)

    async def enqueue_alone(self, admission: Admission, checked: CheckedSubmission) -> Submitted:
        """Store a new job without a file, or with a copy of the upload that it names.

        Raises as `enqueue`, and Problem 403 and 409 if it may not use the upload.
        """
        reference = checked.submission.upload
        if reference is None:
            return await self.enqueue(admission, checked)
        if reference.sha256:
            take, caller = self._stored_files.take, admission.caller
            upload = await take(
                reference.sha256, reference.name, caller, admission.reserved.add_bytes
            )
        else:
            take_upload, caller = self._resumable.take, admission.caller
            upload = await take_upload(reference, caller, admission.reserved.add_upload)
        try:
            submitted = await self.enqueue(admission, checked, upload)
        except BaseException as error:
            # The job may be stored after an unexpected error, and need its file. If it is not,
            # maintenance deletes the file later.
            is_refused = isinstance(error, Problem) and error.code != Code.SUBMISSION_UNCERTAIN
            if is_refused or isinstance(error, StoreError):
                await self._threads.run(self._store.uploads.delete, [upload.id])
            raise
        if submitted.is_earlier:
            await self._threads.run(self._store.uploads.delete, [upload.id])
        return submitted

    async def enqueue(
        self, admission: Admission, checked: CheckedSubmission, upload: Upload | None = None
    ) -> Submitted:
        """Store a new job, unless its Idempotency-Key stands for another one.

        The job is durable when this returns. Problem 503 has its id if it is uncertain whether it
        was stored. After a Problem 409 or 422, it is not stored. If an earlier job answers the
        question of a submission that allows this, no job is stored.
        """
        span, caller = admission.span, admission.caller.name
        job = _new_job(admission, checked, upload)
        await self.require_seen(job, admission.caller)
        if reused := await self._find_equal(admission, checked, upload):
            log_change(caller, "reuse", job_id=str(reused.id))
            return Submitted(reused.id, replayed=False, reused=reused)
        await self._require_possible(admission.key, job, admission.caller)
        try:
            stored = await self._store_once(admission.key, job, admission.caller)
        except StoreInDoubt as error:
            detail = (
                "the store failed, and may or may not have stored the job: ask with GET /jobs/ID"
            )
            admission.keep(upload=upload)
            raise unavailable(detail, Code.SUBMISSION_UNCERTAIN, job_id=str(job.id)) from error
        if isinstance(stored, KeyHolder):
            log_change(caller, "find", job_id=str(stored.job_id))
            return Submitted(stored.job_id, replayed=False, existing=stored)
        job_id, replayed = stored, stored != job.id
        if not replayed:
            admission.keep(upload=upload)
        if span and not replayed:
            span.accepted(job)
        log_change(caller, "submit", job_id=str(job_id))
        return Submitted(job_id, replayed)

    async def dry_run(
        self, admission: Admission, checked: CheckedSubmission, upload: Upload | None = None
    ) -> Response:
        """Return the response to a dry run: the job as `enqueue` would store it, and estimates.

        Makes all checks of `enqueue` except the check of the Idempotency-Key. Nothing is stored.
        """
        if reference := checked.submission.upload:
            upload = await self._look_at(reference, admission.caller)
        new = _new_job(admission, checked, upload)
        await self.require_seen(new, admission.caller)
        reused = await self._find_equal(admission, checked, upload)
        await self._limits.require_allowed(new)
        explanation = required(await self._estimates.explain(new), new, admission.caller)
        assert not isinstance(explanation, KeyHolder)
        if not admission.caller.sees(explanation.job.submitted_by, explanation.job.queue):
            raise _hidden()
        if is_new := explanation.job.id == new.id:
            require_in_time(explanation)
        return Response(200, dry_run_document(explanation, is_new, reused.id if reused else None))

    async def _look_at(self, reference: UploadReference, caller: Caller) -> Upload:
        """Return the file that a dry run names, without a copy. Raises Problem 403, 413 and 422."""
        if reference.sha256:
            stored = await self._stored_files.look_at(reference.sha256, caller)
            name = display_name(reference.name)
            return Upload(new_id(), name, stored.size, stored.sha256)
        found = await self._resumable.look_at(reference, caller)
        return Upload(new_id(), found.name, found.size, found.sha256 or "")

    async def accepted(
        self, submitted: Submitted, seconds: float, seen: int | None = None
    ) -> Response:
        """Wait up to `seconds` for the end of a submitted job, and return the response.

        `seen` is the number of changes of the store before it was stored, if that is known. The
        status is 200 if the job is final, else 202. The job is stored already, so a failure
        while waiting still gives a 202.
        """
        job_id = submitted.job_id
        headers = {"Location": f"{self._root_path}/jobs/{job_id}"}
        if submitted.reused:
            document = {**job_view(submitted.reused), "reused_from": str(job_id)}
            return Response(200, document, headers)
        if submitted.replayed:
            headers[REPLAYED_HEADER] = "true"
        job: Job | None = None
        if seconds:
            with suppress(StoreError):
                job = await self._reader.end_of(job_id, seconds, seen)
        existing = submitted.existing
        more = {} if existing is None else {"existing": True}
        if job is None:
            status = Status.QUEUED if existing is None else existing.status
            return Response(202, {"job_id": str(job_id), "status": status, **more}, headers)
        headers |= job_headers(job)
        return Response(200 if job.final else 202, {**job_view(job), **more}, headers)

    async def _find_equal(
        self, admission: Admission, checked: CheckedSubmission, upload: Upload | None
    ) -> Job | None:
        """Return the earlier job that answers the question of a submission, or None.

        A submission with a callback runs, because no end of a job would call it back.
        """
        question, file, caller = checked.question, upload or checked.source, admission.caller
        if question is None or file is None or checked.submission.callback_url:
            return None
        return await self._threads.run(
            find_equal,
            self._store.database,
            checked.submission.type,
            file,
            lambda job: (
                caller.sees(job.submitted_by, job.queue) and self._checks.asks(job, question)
            ),
            admission.key,
        )

    async def _store_once(self, key: str | None, job: NewJob, caller: Caller) -> UUID | KeyHolder:
        """Store a job, unless the key stands for another one; return the id of the key's job.

        Returns the holder of the job's unique key if the job asks for that one instead. Raises
        Problem 409 instead of returning a job that the caller does not see.
        """
        if key is None:
            stored: UUID | Refused = await self._enqueue.call(job)
        else:
            keyed = KeyedJob(key, fingerprint(job), job)
            kept = await self._enqueue_once.call(keyed)
            if isinstance(kept, StoredKey) and kept.fingerprint != keyed.fingerprint:
                raise key_reused()
            stored = kept.job_id if isinstance(kept, StoredKey) else kept
            if stored != job.id and isinstance(stored, UUID):
                await self._require_seen(stored, caller)
        return required(stored, job, caller)

    async def _require_seen(self, job_id: UUID, caller: Caller) -> None:
        """Raise Problem 409 if the caller does not see the job for which its key stands."""
        if caller.is_limited:
            job = seen_by(caller, await self._reader.wait([job_id], 0))[job_id]
            if job is None:
                raise _hidden()

    async def require_analysis(self, job_id: UUID, type: str, caller: Caller) -> None:
        """Raise Problem 422 unless there is a job of this type that the caller sees, whose result
        can be compared."""
        job = seen_by(caller, await self._reader.wait([job_id], 0))[job_id]
        if job is None or job.type != type:
            detail = f"there is no such job of the type {type}; it may have been deleted"
            raise unacceptable([FieldError("payload.compare.job_id", detail, "unknown")])


def required(stored: T | Refused, new: NewJob, caller: Caller) -> T | KeyHolder:
    """Return what was stored for a new job, or the existing job that it asks for instead, if its
    caller sees that one.

    Raises Problem 409 and 422 for the reason why nothing was stored.
    """
    if isinstance(stored, KeyHolder):
        if not (stored.is_answer and caller.sees(stored.submitted_by, stored.queue)):
            raise key_held(stored, caller, new.if_exists == "replace")
    elif stored is Refusal.QUEUE:
        raise unacceptable([unknown_queue(new.queue)])
    elif stored is Refusal.EXPIRY:
        raise unacceptable([never_starts(vars(new))])
    elif stored is Refusal.SOURCE:
        raise unacceptable([UNKNOWN_SOURCE])
    elif isinstance(stored, MissingPredecessors):
        after = [each for each in stored.ids if each != new.input_from]
        source = [each for each in stored.ids if each == new.input_from]
        errors = [_no_jobs("after", after), _no_jobs("input.from", source)]
        raise unacceptable([error for error in errors if error])
    assert not isinstance(stored, Refusal)
    return stored


def _hidden() -> Problem:
    """409: the answer to a submission would be a job that its caller does not see."""
    detail = "a key of this submission stands for a job that this token does not see"
    return Problem(Code.UNIQUE_KEY_HELD, f"{detail}: choose another key")


def _no_jobs(field: str, ids: Sequence[UUID]) -> FieldError | None:
    """Say that a field names jobs that do not exist; None if there are none."""
    if not ids:
        return None
    named = ", ".join(map(str, ids[:3]))
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    detail = f"there is no job with the id {named}{more}; it may have been deleted"
    return FieldError(field, detail, "unknown")


def _new_job(admission: Admission, checked: CheckedSubmission, upload: Upload | None) -> NewJob:
    """Build the job to store from an admitted and checked submission."""
    caller, span = admission.caller, admission.span
    traceparent = span.traceparent if span else None
    job = checked.new_job(upload, caller.name, traceparent, caller.may_change_all)
    job.actor = caller.actor
    return job
