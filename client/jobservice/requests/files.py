"""Requests for the files of jobs."""

from __future__ import annotations

from jobservice.requests.request import Request, job_path


def get_upload(job_id: str) -> Request:
    """Get the file that a job was given."""
    return Request("GET", f"{job_path(job_id)}/upload")
