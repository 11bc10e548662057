"""Builds every request of the client, and checks what the caller gave. Does no input or output."""

from jobservice.requests.analyses import analyze_payload, compare_job, job_lines, job_report
from jobservice.requests.batches import cancel_batch, get_batch, submit_batch
from jobservice.requests.failures import MAX_GROUPS, Since, list_failures, since_text
from jobservice.requests.files import get_upload
from jobservice.requests.jobs import (
    PAGE_JOBS,
    Filters,
    Options,
    change_job,
    change_jobs,
    delete_job,
    events,
    get_job,
    get_jobs,
    job_output,
    list_jobs,
    submit,
    update_job,
)
from jobservice.requests.pattern_sets import delete_pattern_set, put_pattern_set
from jobservice.requests.queues import change_queue, delete_queue, put_queue
from jobservice.requests.request import (
    MAX_WAIT_SECONDS,
    Request,
    get,
    job_path,
    pattern_set_path,
    queue_path,
    schedule_path,
    type_path,
)
from jobservice.requests.schedules import (
    PAGE_SCHEDULES,
    change_schedule,
    delete_schedule,
    list_schedules,
    put_schedule,
    run_schedule,
)

__all__ = [
    "MAX_GROUPS",
    "MAX_WAIT_SECONDS",
    "PAGE_JOBS",
    "PAGE_SCHEDULES",
    "Filters",
    "Options",
    "Request",
    "Since",
    "analyze_payload",
    "cancel_batch",
    "change_job",
    "change_jobs",
    "change_queue",
    "change_schedule",
    "compare_job",
    "delete_job",
    "delete_pattern_set",
    "delete_queue",
    "delete_schedule",
    "events",
    "get",
    "get_batch",
    "get_job",
    "get_jobs",
    "get_upload",
    "job_lines",
    "job_output",
    "job_path",
    "job_report",
    "list_failures",
    "list_jobs",
    "list_schedules",
    "pattern_set_path",
    "put_pattern_set",
    "put_queue",
    "put_schedule",
    "queue_path",
    "run_schedule",
    "schedule_path",
    "since_text",
    "submit",
    "submit_batch",
    "type_path",
    "update_job",
]
