"""What a job process is sent: a job, or a step of one that is done in parts."""

import json
from collections.abc import Sequence
from typing import Any

from storage.files.uploads import Uploads
from storage.records.job import Job
from storage.records.trace_context import attempt_traceparent

Step = dict[str, Any]
"""As runner/job_types/steps.py has them."""
RUN: Step = {"kind": "run"}


def request_text(
    job: Job, step: Step, uploads: Uploads, cores: int, results: Sequence[str] = ()
) -> str:
    """The request as JSON text; `results` of parts are JSON text already, and may be large."""
    upload = job.upload and {
        **uploads.access(job.upload, job.timeout),
        "name": job.upload.name,
        "size": job.upload.size,
    }
    request = {
        "job_id": str(job.id),
        "attempt": job.attempt,
        "type": job.type,
        "payload": job.payload,
        "upload": upload,
        "cores": cores,
    }
    if job.traceparent:
        traceparent = attempt_traceparent(job.traceparent, job.id, job.attempt)
        request["traceparent"] = traceparent
    if step == RUN:
        return json.dumps(request)
    text = json.dumps({**request, "step": step})
    return f'{text[:-1]}, "results": [{", ".join(results)}]}}'
