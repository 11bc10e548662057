"""Rows of the tables into records."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import AttemptRow, JobRow, OutputRow, UploadRow
from storage.db.parameters import parameter
from storage.db.statements import Statement
from storage.jobs.tails import GOOD, last_lines, select_tails
from storage.records.job import Attempt, AttemptOutcome, Job, Upload, Usage
from storage.records.states import Status

_OF_UPLOADS = ("upload_id", "upload_name", "size", "sha256")


def select_jobs() -> Any:
    """A query for whole jobs, with their uploads; to be narrowed and ordered."""
    return JobRow.select(
        JobRow, UploadRow.name.alias("upload_name"), UploadRow.size, UploadRow.sha256
    ).join(UploadRow, pw.JOIN.LEFT_OUTER, on=(JobRow.upload_id == UploadRow.id))


def fetch_jobs(database: Database, query: Any) -> list[Job]:
    """The jobs of a query made from `select_jobs`, each with its attempts."""
    return _with_attempts(database, database.rows(query))


def jobs_by_id(database: Database, ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Those jobs with these ids that exist."""
    found = database.fetch(*_among(database, "jobs", select_jobs, JobRow.id, ids))
    return {job.id: job for job in _with_attempts(database, found)}


def jobs_in(database: Database, rows: Sequence[dict[str, Any]]) -> list[Job]:
    """The jobs of these rows of claimed jobs, in order; the rows are used up. Of most, the row
    tells all: they have no attempt but the present one, and no upload."""
    more = [row["id"] for row in rows if row["attempt"] > 1 or row["upload_id"]]
    read = jobs_by_id(database, more) if more else {}
    return [_claimed(row, read.get(row["id"])) for row in rows]


def _claimed(row: dict[str, Any], read: Job | None) -> Job:
    """As it was claimed. Of what was read only what came before: by then another runner may have
    taken this one for dead, and settled the job."""
    number, present = row["attempt"], _present(row)
    if read is None:
        return _job(row, (present,))
    earlier = [each for each in read.attempts if each.number < number]
    return replace(_job(row, (*earlier, present)), upload=read.upload)


def _present(row: dict[str, Any]) -> Attempt:
    started = row["attempt"], row["locked_by"], row["started_at"]
    return Attempt(*started, None, None, None, Usage())


def _with_attempts(database: Database, rows: Sequence[dict[str, Any]]) -> list[Job]:
    attempts: dict[UUID, list[Attempt]] = defaultdict(list)
    ids = [row["id"] for row in rows if row["attempt"]]
    if ids:
        asked = _among(database, "attempts", AttemptRow.select, AttemptRow.job_id, ids)
        found = database.fetch(*asked)
        tails = _tails(database, found)
        for row in found:
            lines = tails.get((row["job_id"], row["number"]), ())
            attempts[row["job_id"]].append(_attempt(row, lines))
    return [_job(row, tuple(sorted(attempts[row["id"]], key=_number))) for row in rows]


def _tails(
    database: Database, attempts: Iterable[dict[str, Any]]
) -> dict[tuple[UUID, int], tuple[str, ...]]:
    """What was printed last by those of these attempts that did not end well."""
    bad = {(row["job_id"], row["number"]) for row in attempts if row["outcome"] not in GOOD}
    if not bad:
        return {}
    ids = sorted({job_id for job_id, _ in bad})
    tails = last_lines(
        database.fetch(*_among(database, "tails", select_tails, OutputRow.job_id, ids))
    )
    return {attempt: lines for attempt, lines in tails.items() if attempt in bad}


def _among(
    database: Database,
    name: str,
    select: Callable[[], Any],
    field: pw.Field,
    ids: Sequence[UUID],
) -> tuple[Statement, dict[str, Any]]:
    """The statement for rows with so many ids, and its values. Its places are a power of two, the
    last filled with the same id, so that there are few statements."""
    count = 1 << (len(ids) - 1).bit_length()
    values = {str(at): ids[min(at, len(ids) - 1)] for at in range(count)}
    places = [parameter(field, name) for name in values]
    return database.statement((name, count), lambda: select().where(field.in_(places))), values


def _number(attempt: Attempt) -> int:
    return attempt.number


def _attempt(row: dict[str, Any], last_lines: tuple[str, ...]) -> Attempt:
    return Attempt(
        number=row["number"],
        runner=row["runner"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        outcome=None if row["outcome"] is None else AttemptOutcome(row["outcome"]),
        error=from_json_text(row["error"]),
        usage=Usage(row["cpu_seconds"], row["peak_memory_bytes"], row["pid"]),
        last_lines=last_lines,
    )


def _job(row: dict[str, Any], attempts: tuple[Attempt, ...]) -> Job:
    """A job out of its row, which is used up."""
    for name in ("payload", "result", "error", "progress"):
        row[name] = from_json_text(row[name])
    upload_id, *upload = [row.pop(name, None) for name in _OF_UPLOADS]
    if upload_id is not None:
        row["upload"] = Upload(upload_id, *upload)
    return Job(**{**row, "status": Status(row["status"]), "attempts": attempts})


def from_json_text(text: str | None) -> Any:
    """JSON as it is stored, None for none."""
    return None if text is None else json.loads(text)
