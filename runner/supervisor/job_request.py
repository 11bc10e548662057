"""Builds the request that a job process gets."""

import json

from runner.pool.linux.work_folders import FILE_FROM_WORK
from storage.files.uploads import Uploads
from storage.records.job import Job, Upload
from storage.records.trace_context import attempt_traceparent


def request_text(job: Job, uploads: Uploads, cores: int) -> str:
    """Return the request as JSON text, in the form that `load` in `registry/loader.py` documents.

    `cores` is the number of processors that the job may keep busy.
    """
    upload = job.upload and {
        **_access(job, job.upload, uploads),
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
    return json.dumps(request)


def shared_file(job: Job, uploads: Uploads) -> str | None:
    """Return the name of the local file that a job may read; None if it has none."""
    return str(job.upload.id) if job.upload and uploads.folder else None


def _access(job: Job, upload: Upload, uploads: Uploads) -> dict[str, str]:
    access = uploads.access(upload, job.timeout)
    if "path" in access:  # the job cannot read it there, but finds a link to it
        access["path"] = f"{FILE_FROM_WORK}/{shared_file(job, uploads)}"
    return access
