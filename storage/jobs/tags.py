"""Stores the tags of jobs as rows, which find the jobs with a tag."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from storage.db.database import Database
from storage.db.models import JobRow, TagRow
from storage.db.parameters import parameter
from storage.records.states import Status


def tag_rows(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each tag of new jobs, which are given as rows of the table of jobs."""
    return [
        {"tag": tag, "job_id": job["id"]}
        for job in jobs
        if "tags" in job
        for tag in json.loads(job["tags"])
    ]


def replace_tags(database: Database, job_id: UUID, tags: Iterable[str]) -> None:
    """Replace the tags by which a queued job is found, before those in its row are changed."""
    query = JobRow.select(JobRow.tags).where(JobRow.id == job_id, JobRow.status == Status.QUEUED)
    for row in database.rows(query):
        old = json.loads(row["tags"] or "[]")
        database.run(TagRow.delete().where(TagRow.tag.in_(old), TagRow.job_id == job_id))
        new = [{"tag": tag, "job_id": job_id} for tag in tags]
        database.change_each_deferred(database.statement("insert tag", insert_tag), new)


def insert_tag() -> Any:
    """Build the INSERT of a tag of a job."""
    return TagRow.insert(tag=parameter(TagRow.tag), job_id=parameter(TagRow.job_id))
