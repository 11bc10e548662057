"""The operations on jobs: to submit, list, read, change, cancel, retry and delete them."""

from server.auth.callers import Role
from server.documents.filters import (
    BulkBody,
    ListQuery,
    SetQuery,
    SubmissionQuery,
    ViewQuery,
    WaitQuery,
)
from server.documents.options.job_options import JobChanges
from server.documents.schemas.explain import ExplainDocument
from server.documents.schemas.jobs import BulkDocument, ChangedDocument, JobView, PageDocument
from server.openapi.operations.operation import (
    FORM,
    NEW_JOB,
    OWN_JOBS,
    SUBMISSION_HEADERS,
    Operation,
)

JOB_LISTS = (
    Operation(
        "/jobs",
        "Submit a job",
        {200: JobView, 202: JobView},
        id="submitJob",
        tag="jobs",
        description="The status is 202 when the job is stored, and 200 if it became final during"
        " the wait. A dry run answers 200 with the job as it would be stored, with an id of zeros,"
        " and its estimates in `dry_run`. A job with a file needs a form: see uploadJob.",
        method="post",
        role=Role.SUBMIT,
        body=NEW_JOB,
        problems=(409, 507),
        queries=(SubmissionQuery,),
        response_headers={200: SUBMISSION_HEADERS, 202: (*SUBMISSION_HEADERS, "Retry-After")},
        request_headers=("Idempotency-Key", "Traceparent"),
    ),
    Operation(
        "/jobs/upload",
        "Submit a job with a file",
        {200: JobView, 202: JobView},
        id="uploadJob",
        tag="jobs",
        description="The answers are those of submitJob. The path /jobs takes the same forms.",
        method="post",
        role=Role.SUBMIT,
        body=FORM,
        problems=(409, 507),
        queries=(SubmissionQuery,),
        response_headers={200: SUBMISSION_HEADERS, 202: (*SUBMISSION_HEADERS, "Retry-After")},
        request_headers=("Idempotency-Key", "Traceparent"),
    ),
    Operation(
        "/jobs",
        "List jobs, or get several jobs by their ids",
        {200: PageDocument},
        id="listJobs",
        tag="jobs",
        description="Newest first. With `id`, the response has these jobs, and other parameters"
        " than `wait` are not allowed; without it, `wait` is not allowed.",
        queries=(ListQuery, SetQuery),
        response_headers={200: ("Link", "Preference-Applied", "Retry-After")},
    ),
    Operation(
        "/jobs/cancel",
        "Cancel all jobs that match filters",
        {200: BulkDocument},
        id="cancelJobs",
        tag="jobs",
        description="One call changes up to 1,000 jobs. Repeat it with `next` as `cursor`.",
        method="post",
        role=Role.ADMIN,
        body=BulkBody,
    ),
    Operation(
        "/jobs/retry",
        "Retry all jobs that match filters",
        {200: BulkDocument},
        id="retryJobs",
        tag="jobs",
        description="One call changes up to 1,000 jobs. Repeat it with `next` as `cursor`.",
        method="post",
        role=Role.ADMIN,
        body=BulkBody,
    ),
)

ONE_JOB = (
    Operation(
        "/jobs/{job_id}",
        "Get a job",
        {200: JobView},
        id="getJob",
        tag="jobs",
        description="With a wait, the response comes once the job is final. The status is 200 also"
        " if the job has failed.",
        queries=(WaitQuery, ViewQuery),
        response_headers={200: ("Preference-Applied", "Retry-After")},
    ),
    Operation(
        "/jobs/{job_id}",
        "Change a queued job",
        {200: JobView},
        id="changeJob",
        tag="jobs",
        description="Absent options stay unchanged. With the job's ETag in If-Match, the change is"
        " made only if nobody has changed the job since.",
        method="patch",
        role=OWN_JOBS,
        body=JobChanges,
        problems=(409,),
        response_headers={200: ("Retry-After",)},
    ),
    Operation(
        "/jobs/{job_id}",
        "Delete a final job",
        {204: None},
        id="deleteJob",
        tag="jobs",
        description="Its file is deleted, too, unless another job uses it.",
        method="delete",
        role=OWN_JOBS,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/cancel",
        "Cancel a job",
        {200: ChangedDocument, 202: ChangedDocument},
        id="cancelJob",
        tag="jobs",
        description="The status is 200 if the job's process has ended, and 202 if it may still be"
        " running after two seconds.",
        method="post",
        role=OWN_JOBS,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/retry",
        "Queue a failed or canceled job again",
        {202: ChangedDocument},
        id="retryJob",
        tag="jobs",
        description="The job keeps its id and its attempts, and may use all of its retries again."
        " It waits again for the jobs in its `after`, and is refused if one of these has to be"
        " retried first.",
        method="post",
        role=OWN_JOBS,
        problems=(409,),
        response_headers={202: ("Location",)},
    ),
    Operation(
        "/jobs/{job_id}/explain",
        "Explain why a job is not running yet",
        {200: ExplainDocument},
        id="explainJob",
        tag="jobs",
        description="Gives the reasons, the place in the order of claims and an estimate.",
        response_headers={200: ("Retry-After",)},
    ),
)
