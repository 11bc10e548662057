"""Stores the tags of new jobs as rows, which find the jobs with a tag."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from storage.db.models import TagRow
from storage.db.parameters import parameter


def tag_rows(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each tag of new jobs, which are given as rows of the table of jobs."""
    return [
        {"tag": tag, "job_id": job["id"]}
        for job in jobs
        if "tags" in job
        for tag in json.loads(job["tags"])
    ]


def insert_tag() -> Any:
    """Build the INSERT of a tag of a job."""
    return TagRow.insert(tag=parameter(TagRow.tag), job_id=parameter(TagRow.job_id))
