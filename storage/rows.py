"""Rows of the tables into records."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import peewee as pw

from storage.database import Database
from storage.job import Attempt, Job, Outcome, Upload, Usage
from storage.models import AttemptRow, JobRow, UploadRow
from storage.states import Status


def select_jobs() -> Any:
    """A query for whole jobs, with their uploads; to be narrowed and ordered."""
    return JobRow.select(
        JobRow, UploadRow.name.alias("upload_name"), UploadRow.size, UploadRow.sha256
    ).join(UploadRow, pw.JOIN.LEFT_OUTER, on=(JobRow.upload_id == UploadRow.id))


def fetch_jobs(database: Database, query: Any) -> list[Job]:
    """The jobs of a query made from `select_jobs`, each with its attempts."""
    rows = database.rows(query)
    attempts = _attempts(database, [row["id"] for row in rows])
    return [_job(row, attempts[row["id"]]) for row in rows]


def _attempts(database: Database, ids: list[UUID]) -> dict[UUID, list[Attempt]]:
    found: dict[UUID, list[Attempt]] = defaultdict(list)
    if ids:
        query = AttemptRow.select().where(AttemptRow.job_id.in_(ids)).order_by(AttemptRow.number)
        for row in database.rows(query):
            found[row["job_id"]].append(_attempt(row))
    return found


def _attempt(row: dict[str, Any]) -> Attempt:
    return Attempt(
        number=row["number"],
        runner=row["runner"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        error=_load(row["error"]),
        usage=Usage(row["cpu_seconds"], row["peak_memory_bytes"]),
    )


def _job(row: dict[str, Any], attempts: Iterable[Attempt]) -> Job:
    name, size, sha256 = row.pop("upload_name"), row.pop("size"), row.pop("sha256")
    upload_id = row.pop("upload_id")
    texts = ("payload", "result", "error", "progress")
    return Job(
        **{**row, **{key: _load(row[key]) for key in texts}, "status": Status(row["status"])},
        upload=None if upload_id is None else Upload(upload_id, name, size, sha256),
        attempts=tuple(attempts),
    )


def _load(text: str | None) -> Any:
    return None if text is None else json.loads(text)
