"""`/jobs/batch` and `/batches`: submit many jobs at once, follow and cancel them."""

from uuid import UUID

from server.api.openapi.operation import BATCH, Operation
from server.auth.callers import Role
from server.documents.batch_documents import (
    BatchDocument,
    BatchesDocument,
    BatchListQuery,
    BatchQuery,
    CanceledBatchDocument,
    PipelineDocument,
    SubmittedBatchDocument,
)
from server.documents.filters import WaitQuery
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query, wait_seconds
from server.http.body import JSON_LINES, Body, JsonBody, content_length, json_body
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.admission import Admission, Admissions
from server.jobs.batch_submissions import BatchSubmissions

MAX_BATCH_BYTES = 16 << 20
"""Size of the largest batch. A larger one gets 413."""


class NewBatchHandler(Handler):
    """The submission of batches."""

    admissions: Admissions
    batches: BatchSubmissions
    ROUTE = "/jobs/batch"
    LIMITED = True
    is_timed = False  # the time depends on the number of jobs
    _is_atomic = False
    _admission: Admission | None = None

    async def body(self) -> Body:
        """Accept a JSON array or JSON lines. Raises Problem 400, 409, 413, 415, 422, 503 or 507."""
        self._is_atomic = read_query(BatchQuery, query_parameters(self)).atomic
        headers = self.request.headers
        body = json_body(headers, MAX_BATCH_BYTES, *JSON_LINES)
        size = content_length(headers.get("Content-Length")) or 0
        self._admission = await self.admissions.admit(headers, self.caller, size)
        return body

    @Operation(
        "submitBatch",
        "jobs",
        {202: SubmittedBatchDocument},
        role=Role.SUBMIT,
        queries=(BatchQuery,),
        body=BATCH,
        problems=(409, 507),
        response_headers={202: ("Location", "Idempotency-Replayed")},
        request_headers=("Idempotency-Key", "Traceparent"),
    )
    async def post(self) -> None:
        """Submit up to 10,000 jobs at once.

        A JSON array of jobs or, as application/x-ndjson, one job on each line; or an object with
        the array as `jobs` and, as `then`, a job that runs when all have ended. Jobs with a `name`
        can be named in `after` and `input` of others. Jobs that are refused do not keep the others
        from being stored, unless `atomic` is true or jobs have names.
        """
        self.require_body()
        assert self._admission
        assert isinstance(self.received, JsonBody)
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        body = self.batches.body(self.received.text(), is_lines=kind in JSON_LINES)
        response = await self.batches.submit(self._admission, body, self._is_atomic)
        self.set_headers(response.headers)
        self.set_status(response.status)
        self.send_content(response.document)

    def _count_finished(self) -> None:
        if self._admission:
            self._admission.release()
        super()._count_finished()


class BatchesHandler(Handler):
    """All batches."""

    batches: BatchSubmissions
    ROUTE = "/batches"
    LIMITED = True

    @Operation("listBatches", "jobs", {200: BatchesDocument}, queries=(BatchListQuery,))
    async def get(self) -> None:
        """List batches.

        Newest first, with how far each is.
        """
        query = read_query(BatchListQuery, query_parameters(self))
        self.send_json(await self.batches.page(query, self.caller))


class BatchHandler(Handler):
    """One batch."""

    batches: BatchSubmissions
    ROUTE = "/batches/{batch_id}"
    LIMITED = True

    @Operation(
        "getBatch",
        "jobs",
        {200: BatchDocument},
        queries=(WaitQuery,),
        response_headers={200: ("Preference-Applied", "Retry-After")},
    )
    async def get(self, batch_id: str) -> None:
        """How far a batch is.

        With a wait, the response comes once all its jobs are final.
        """
        parsed_id, seconds = parse_batch_id(batch_id), wait_seconds(self)
        self.is_timed = not seconds
        document = await self.batches.get(parsed_id, self.caller, seconds)
        if not document["finished"]:
            self.set_header("Retry-After", "1")
        self.send_json(document)


class PipelineHandler(Handler):
    """Which jobs of a batch run after which."""

    batches: BatchSubmissions
    ROUTE = "/batches/{batch_id}/pipeline"
    LIMITED = True

    @Operation("getPipeline", "jobs", {200: PipelineDocument})
    async def get(self, batch_id: str) -> None:
        """Which jobs of a batch run after which.

        With the names of the jobs in the batch, and their statuses.
        """
        self.send_json(await self.batches.pipeline(parse_batch_id(batch_id), self.caller))


class BatchCancelHandler(Handler):
    """The cancel of all jobs of a batch."""

    batches: BatchSubmissions
    ROUTE = "/batches/{batch_id}/cancel"
    LIMITED = True

    @Operation("cancelBatch", "jobs", {200: CanceledBatchDocument}, role=Role.SUBMIT, is_own=True)
    async def post(self, batch_id: str) -> None:
        """Cancel all jobs of a batch.

        Cancels queued jobs, and requests the cancel of running ones without waiting for their
        processes to end.
        """
        self.require_body()
        self.send_json(await self.batches.cancel(parse_batch_id(batch_id), self.caller))


def parse_batch_id(text: str) -> UUID:
    """Parse the id of a batch in a path. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        detail = "there is no such batch: its id is not a UUID"
        raise Problem(Code.BATCH_NOT_FOUND, detail) from None
