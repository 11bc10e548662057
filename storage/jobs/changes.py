"""Changes of a queued job: its priority, time, queue, tags, timeout, retries and limits. Tags
are rows, which find the jobs with a tag."""

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, TagRow
from storage.db.parameters import parameter
from storage.db.statements import Values
from storage.jobs.statements import update_queued
from storage.jobs.transitions import to_json_text
from storage.records.states import Status


def change_queued(database: Database, job_id: UUID, changes: Values) -> bool:
    """Change a job if it is queued; returns whether it was.

    `changes` are new values of columns of the job, at least one; `tags` is a sequence, and `limits`
    has the limits that change, None to remove a limit. The queue must exist. Only inside a
    transaction that holds the version lock.
    """
    values = dict(changes)
    if "tags" in values:
        values["tags"] = to_json_text(list(values["tags"])) if values["tags"] else None
    if "limits" in values:
        values["limits"] = _merged_limits(database, job_id, changes["limits"])
    version = database.next_version_offset(1)
    statement = database.statement(("change", *values), lambda: update_queued(values))
    if "tags" in values:
        _replace_tags(database, job_id, changes["tags"])
    return database.change(statement, {**values, "version": version, "job_id": job_id}) == 1


def _merged_limits(
    database: Database, job_id: UUID, changes: Mapping[str, int | None]
) -> str | None:
    """Return the limits of a job after a change, as JSON text; None if it has none then."""
    rows = database.rows(JobRow.select(JobRow.limits).where(JobRow.id == job_id))
    before = json.loads(rows[0]["limits"] or "{}") if rows else {}
    merged = {name: value for name, value in {**before, **changes}.items() if value is not None}
    return to_json_text(merged) if merged else None


def add_tags(database: Database, tagged: Sequence[tuple[str, UUID]]) -> None:
    """Store tags with the jobs that have them. Only inside a transaction."""
    if tagged:
        rows = [{"tag": tag, "job_id": job_id} for tag, job_id in tagged]
        database.change_each_deferred(database.statement("insert tag", _insert_tag), rows)


def _replace_tags(database: Database, job_id: UUID, tags: Iterable[str]) -> None:
    """Replace the rows of tags that find a queued job, before the tags in its own row change."""
    query = JobRow.select(JobRow.tags).where(JobRow.id == job_id, JobRow.status == Status.QUEUED)
    for row in database.rows(query):
        old = json.loads(row["tags"] or "[]")
        database.run(TagRow.delete().where(TagRow.tag.in_(old), TagRow.job_id == job_id))
        add_tags(database, [(tag, job_id) for tag in tags])


def _insert_tag() -> pw.Insert:
    return TagRow.insert(tag=parameter(TagRow.tag), job_id=parameter(TagRow.job_id))
