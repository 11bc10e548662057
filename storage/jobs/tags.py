"""Stores the tags of jobs as rows, which find the jobs with a tag."""

import json
from collections.abc import Iterable, Sequence
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, TagRow
from storage.db.parameters import parameter
from storage.records.states import Status


def add_tags(database: Database, tagged: Sequence[tuple[str, UUID]]) -> None:
    """Store tags with the jobs that have them. Only inside a transaction."""
    if tagged:
        rows = [{"tag": tag, "job_id": job_id} for tag, job_id in tagged]
        database.change_each_deferred(database.statement("insert tag", _insert_tag), rows)


def replace_tags(database: Database, job_id: UUID, tags: Iterable[str]) -> None:
    """Replace the tags by which a queued job is found, before those in its row are changed."""
    query = JobRow.select(JobRow.tags).where(JobRow.id == job_id, JobRow.status == Status.QUEUED)
    for row in database.rows(query):
        old = json.loads(row["tags"] or "[]")
        database.run(TagRow.delete().where(TagRow.tag.in_(old), TagRow.job_id == job_id))
        add_tags(database, [(tag, job_id) for tag in tags])


def _insert_tag() -> pw.Insert:
    return TagRow.insert(tag=parameter(TagRow.tag), job_id=parameter(TagRow.job_id))
