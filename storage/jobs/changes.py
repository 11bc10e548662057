"""Changes of a queued job: its priority, time, queue, tags, timeout, retries and limits."""

import json
from collections.abc import Mapping
from uuid import UUID

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.statements import Values
from storage.jobs.statements import update_queued
from storage.jobs.tags import replace_tags
from storage.jobs.transitions import to_json_text


def change_queued(database: Database, job_id: UUID, changes: Values) -> bool:
    """Change a job if it is queued; returns whether it was.

    `changes` are new values of columns of the job, at least one; `tags` is a sequence, and `limits`
    has the limits that change, None for those that are removed. The queue must exist. Only inside a
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
        replace_tags(database, job_id, changes["tags"])
    return database.change(statement, {**values, "version": version, "job_id": job_id}) == 1


def _merged_limits(
    database: Database, job_id: UUID, changes: Mapping[str, int | None]
) -> str | None:
    """Return the limits of a job after a change, as JSON text; None if it has none then."""
    rows = database.rows(JobRow.select(JobRow.limits).where(JobRow.id == job_id))
    before = json.loads(rows[0]["limits"] or "{}") if rows else {}
    merged = {name: value for name, value in {**before, **changes}.items() if value is not None}
    return to_json_text(merged) if merged else None
