"""The operations on batches: to submit many jobs at once, to follow and to cancel them."""

from server.auth.callers import Role
from server.documents.batches import BatchListQuery, BatchQuery
from server.documents.filters import WaitQuery
from server.documents.schemas.batches import (
    BatchDocument,
    BatchesDocument,
    CanceledBatchDocument,
    SubmittedBatchDocument,
)
from server.openapi.operations.operation import BATCH, OWN_JOBS, Operation

BATCHES = (
    Operation(
        "/jobs/batch",
        "Submit up to 10,000 jobs at once",
        {202: SubmittedBatchDocument},
        id="submitBatch",
        tag="jobs",
        description="A JSON array of jobs or, as application/x-ndjson, one job on each line;"
        " or an object with the array as `jobs` and, as `then`, a job that runs when all have"
        " ended."
        " Jobs that are refused do not keep the others from being stored, unless `atomic` is true.",
        method="post",
        role=Role.SUBMIT,
        body=BATCH,
        problems=(409, 507),
        queries=(BatchQuery,),
        response_headers={202: ("Location", "Idempotency-Replayed")},
        request_headers=("Idempotency-Key", "Traceparent"),
    ),
    Operation(
        "/batches",
        "List batches",
        {200: BatchesDocument},
        id="listBatches",
        tag="jobs",
        description="Newest first, with how far each is.",
        queries=(BatchListQuery,),
    ),
    Operation(
        "/batches/{batch_id}",
        "How far a batch is",
        {200: BatchDocument},
        id="getBatch",
        tag="jobs",
        description="With a wait, the response comes once all its jobs are final.",
        queries=(WaitQuery,),
        response_headers={200: ("Preference-Applied", "Retry-After")},
    ),
    Operation(
        "/batches/{batch_id}/cancel",
        "Cancel all jobs of a batch",
        {200: CanceledBatchDocument},
        id="cancelBatch",
        tag="jobs",
        description="Cancels queued jobs, and requests the cancel of running ones without waiting"
        " for their processes to end.",
        method="post",
        role=OWN_JOBS,
    ),
)
