"""Converts rows of the tables to records."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import AttemptRow, JobRow, OutputRow, UploadRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Statement, Values
from storage.records.holds import HELD
from storage.records.job import Attempt, Job, Outcome, Upload, Usage
from storage.records.json_values import JsonValue
from storage.records.progress import shown_progress
from storage.records.states import Status

_UPLOAD_COLUMNS = ("upload_id", "upload_name", "size", "sha256")
_JSON_TEXTS = ("payload", "result", "error", "progress", "metadata", "backoff", "limits")
_FIRST = ("runner", "outcome", "cpu_seconds", "peak_memory_bytes", "pid", "traceback")
"""The columns of an attempt that the row of its job has with the prefix `first_`."""
_MAX_IN = 512
"""Most ids in one query."""
LAST_LINES = 10
LAST_BYTES = 2000
"""Maximum lines and bytes of output that are shown of a failed attempt."""
UNREADABLE = {"unreadable": "this is not JSON"}
OMITTABLE = frozenset({"payload", "result", "attempts"})
"""The parts of jobs that can be large, and need not be read."""
_NOT_FAILED = frozenset({None, Outcome.RETURNED, Outcome.RELEASED})
"""Outcomes for which no output is shown; None while the attempt runs."""


def select_jobs(omit: Collection[str] = ()) -> pw.Select:
    """Return a query for jobs with their uploads, to be filtered and ordered.

    `omit` names parts of jobs that are not read.
    """
    omitted = {*omit, "first_traceback"} if "attempts" in omit else {*omit}
    columns = [each for each in JobRow._meta.sorted_fields if each.name not in omitted]
    return JobRow.select(
        *columns, UploadRow.name.alias("upload_name"), UploadRow.size, UploadRow.sha256
    ).join(UploadRow, pw.JOIN.LEFT_OUTER, on=(JobRow.upload_id == UploadRow.id))


def fetch_jobs(database: Database, query: pw.Select) -> list[Job]:
    """Return the jobs of a query built from `select_jobs`, each with its attempts."""
    return _with_attempts(database, database.rows(query))


def jobs_by_id(
    database: Database, ids: Sequence[UUID], omit: Collection[str] = ()
) -> dict[UUID, Job]:
    """Return the jobs with these ids that exist.

    `omit` names parts of jobs, among OMITTABLE, that are not read; they are then empty.
    """
    name = " ".join(["jobs", *(f"without {each}" for each in sorted(omit))])
    select = partial(select_jobs, omit)
    found = database.fetch(*_statement_for_ids(database, name, select, JobRow.id, ids))
    if "attempts" in omit:
        return {row["id"]: _job(row, ()) for row in found}
    return {job.id: job for job in _with_attempts(database, found)}


def unfinished_among(database: Database, ids: Sequence[UUID]) -> set[UUID]:
    """Return the ids of those jobs that exist and are not final."""

    def select() -> pw.Select:
        return JobRow.select(JobRow.id).where(JobRow.status.in_([Status.QUEUED, Status.RUNNING]))

    found = database.fetch(*_statement_for_ids(database, "unfinished", select, JobRow.id, ids))
    return {row["id"] for row in found}


def rows_for_ids(
    database: Database,
    name: str,
    select: Callable[[], pw.Select],
    field: pw.Field,
    ids: Sequence[UUID],
) -> list[Row]:
    """Return the rows whose field is one of these ids, of any number, from the query `select`.

    `name` stands for the query among all statements.
    """
    parts = [ids[start : start + _MAX_IN] for start in range(0, len(ids), _MAX_IN)]
    queries = [_statement_for_ids(database, name, select, field, part) for part in parts]
    return [row for rows in database.fetch_each(queries) for row in rows] if queries else []


def jobs_from_claimed_rows(database: Database, rows: Sequence[Row]) -> list[Job]:
    """Convert rows of claimed jobs to jobs, in order. The rows are modified.

    For most jobs the row is enough: they have no earlier attempt and no upload. Only the other jobs
    are read again.
    """
    more = [row["id"] for row in rows if row["attempt"] > 1 or row["upload_id"]]
    read = jobs_by_id(database, more) if more else {}
    return [_claimed(row, read.get(row["id"])) for row in rows]


def _claimed(row: Row, read: Job | None) -> Job:
    """Return a job as it was claimed.

    `read` is the job as it was read after the claim. Only its earlier attempts and its upload are
    used, since meanwhile another runner may have taken this one for dead and settled the job.
    """
    number, present = row["attempt"], _present(row)
    if read is None:
        return _job(row, (present,))
    earlier = [each for each in read.attempts if each.number < number]
    return replace(_job(row, (*earlier, present)), upload=read.upload)


def _present(row: Row) -> Attempt:
    started = row["attempt"], row["locked_by"], row["started_at"]
    return Attempt(*started, None, None, None, Usage())


def _with_attempts(database: Database, rows: Sequence[Row]) -> list[Job]:
    attempts: dict[UUID, list[Attempt]] = defaultdict(list)
    only = {row["id"]: _first_attempt(row) for row in rows if _has_only_attempt(row)}
    found: list[Row] = []
    begun = [row for row in rows if row["attempt"]]
    if ids := [row["id"] for row in begun if row["id"] not in only or row["client_retries"]]:
        query = _statement_for_ids(database, "attempts", AttemptRow.select, AttemptRow.job_id, ids)
        found += database.fetch(*query)
    for row in found:  # after a client's retry, a row of its own is the one that counts
        only.pop(row["job_id"], None)
    found += only.values()
    last_lines = _last_lines_of_failed(database, found)
    for row in found:
        lines = last_lines.get((row["job_id"], row["number"]), ())
        attempts[row["job_id"]].append(_attempt(row, lines))
    return [_job(row, tuple(sorted(attempts[row["id"]], key=_number))) for row in rows]


def _has_only_attempt(row: Values) -> bool:
    """Return whether the row of a job has its only attempt, see `JobRow`.

    If a client has retried the job, the attempt may have a row of its own, too.
    """
    is_only = row["attempt"] == 1 and row["first_runner"]
    return bool(is_only and (row["first_outcome"] or row["status"] == Status.RUNNING))


def _first_attempt(row: Values) -> Row:
    """Return the row of the only attempt from the row of its job."""
    first = {name: row[f"first_{name}"] for name in _FIRST}
    names = ("started_at", "finished_at", "error")
    return {"job_id": row["id"], "number": 1, **first, **{name: row[name] for name in names}}


def _last_lines_of_failed(
    database: Database, attempts: Iterable[Row]
) -> dict[tuple[UUID, int], tuple[str, ...]]:
    """Return the last lines of output of the failed attempts among these."""
    failed = {
        (row["job_id"], row["number"]) for row in attempts if row["outcome"] not in _NOT_FAILED
    }
    if not failed:
        return {}
    ids = sorted({job_id for job_id, _ in failed})
    query = _statement_for_ids(database, "last output", _select_last_output, OutputRow.job_id, ids)
    last_lines = _last_lines(database.fetch(*query))
    return {attempt: lines for attempt, lines in last_lines.items() if attempt in failed}


def _select_last_output() -> pw.Select:
    """Select the pieces of output that can contain the last lines, to be filtered by job."""
    newest = OutputRow.alias()
    start = newest.select(pw.fn.MAX(newest.position) - LAST_BYTES).where(
        newest.job_id == OutputRow.job_id, newest.attempt == OutputRow.attempt
    )
    return OutputRow.select().where(OutputRow.position >= start)


def _last_lines(parts: Iterable[Values]) -> dict[tuple[UUID, int], tuple[str, ...]]:
    """Return at most LAST_LINES lines of each attempt, by job id and attempt number."""
    texts: dict[tuple[UUID, int], bytes] = defaultdict(bytes)
    for part in sorted(parts, key=lambda part: part["position"]):
        texts[part["job_id"], part["attempt"]] += bytes(part["text"])
    return {attempt: _last(text) for attempt, text in texts.items()}


def _last(text: bytes) -> tuple[str, ...]:
    shown = text[-LAST_BYTES:].decode(errors="replace")
    return tuple(shown.splitlines()[-LAST_LINES:])


def _statement_for_ids(
    database: Database,
    name: str,
    select: Callable[[], pw.Select],
    field: pw.Field,
    ids: Sequence[UUID],
) -> tuple[Statement, Row]:
    """Return the statement for the rows with these ids, and its values.

    The number of parameters is rounded up to a power of two, so that there are few statements. The
    last id fills the rest.
    """
    count = 1 << (len(ids) - 1).bit_length()
    values = {str(at): ids[min(at, len(ids) - 1)] for at in range(count)}
    parameters = [parameter(field, name) for name in values]
    return database.statement((name, count), lambda: select().where(field.in_(parameters))), values


def _number(attempt: Attempt) -> int:
    return attempt.number


def _attempt(row: Row, last_lines: tuple[str, ...]) -> Attempt:
    return Attempt(
        number=row["number"],
        runner=row["runner"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        error=from_json_text(row["error"]),
        usage=Usage(row["cpu_seconds"], row["peak_memory_bytes"], row["pid"]),
        traceback=row["traceback"],
        last_lines=last_lines,
    )


def _job(row: Row, attempts: tuple[Attempt, ...]) -> Job:
    """Convert a row to a job. The row is modified."""
    for name in _JSON_TEXTS:
        if (text := row.setdefault(name, None)) is not None:  # most of them are
            row[name] = from_json_text(text)
    row["progress"] = shown_progress(row["status"], row["progress"])
    for name in _FIRST:
        row.pop(f"first_{name}", None)
    upload_id, *upload = [row.pop(name, None) for name in _UPLOAD_COLUMNS]
    if upload_id is not None:
        row["upload"] = Upload(upload_id, *upload)
    row["tags"] = tuple(from_json_text(row.get("tags")) or ())
    if predecessors := from_json_text(row.pop("predecessors", None)):
        row["after"] = tuple(map(UUID, predecessors["after"]))
        row["on_failure"] = predecessors["on_failure"]
        if source := predecessors.get("input"):
            row["input_from"] = UUID(source)
    due_at = row.pop("due_at", None)
    if due_at is not None and row["run_at"] == HELD:
        row["run_at"] = due_at
    else:
        row["holds"] = None
    return Job(**{**row, "status": Status(row["status"]), "attempts": attempts})


def predecessor_ids(text: str | None) -> list[UUID]:
    """Return the ids in the column `predecessors` of a job, none if it is null."""
    return [*map(UUID, from_json_text(text)["after"])] if text else []


def from_json_text(text: str | None) -> JsonValue:
    """Parse stored JSON; None stays None.

    Returns UNREADABLE for text that is no JSON or that no response can contain. Workers of earlier
    releases stored what a job process sent them; it must not hide the other jobs of a list.
    """
    if text is None:
        return None
    try:
        value = _JSON.decode(text)
        if "\\ud" in text or "\\uD" in text:  # perhaps half of a surrogate pair
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return UNREADABLE
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)
