"""Passes the result of a job on to jobs that wait for it: it becomes a field of their payloads.

That happens in the transaction that reacts to the end, so that the result may be deleted later.
"""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.statements import Row
from storage.jobs.rows import from_json_text, rows_for_ids
from storage.jobs.statements import update_queued
from storage.records.json_values import Json

FIELD = "input"
"""The field of the payload that gets the result."""
INPUT_DELETED = "InputDeleted"
INPUT_TOO_LARGE = "InputTooLarge"
"""The types of the errors of jobs that are canceled because they cannot get their input."""
MAX_BYTES = 1_000_000
"""The largest result that is passed on, as JSON."""


def pass_on(database: Database, passing: Mapping[UUID, UUID]) -> dict[UUID, Json]:
    """Put results into payloads: `passing` has the job with the result by the job that gets it.

    A job without a result, because it did not succeed, passes null on. Returns why jobs cannot get
    theirs, by their ids. Only inside a transaction that holds the version lock.
    """
    if not passing:
        return {}
    select = partial(JobRow.select, JobRow.id, JobRow.result)
    sources = rows_for_ids(database, "results", select, JobRow.id, sorted(set(passing.values())))
    results = {row["id"]: row["result"] or "null" for row in sources}
    select = partial(JobRow.select, JobRow.id, JobRow.payload)
    rows = rows_for_ids(database, "payloads", select, JobRow.id, list(passing))
    found = {job_id: _why(source, results) for job_id, source in passing.items()}
    refused = {job_id: why for job_id, why in found.items() if why}
    changed = [row for row in rows if row["id"] not in refused]
    first = database.next_version_offset(len(changed)) + len(changed) - 1
    changes = [
        {
            "job_id": row["id"],
            "payload": _with(row["payload"], results[passing[row["id"]]]),
            "version": first - number,
        }
        for number, row in enumerate(changed)
    ]
    change = database.statement(("change", "payload"), lambda: update_queued(["payload"]))
    database.change_each_deferred(change, changes)
    return refused


def payload_of(database: Database, job_id: UUID) -> Row:
    """Return the payload of a job that has an input, or gets one."""
    rows = database.rows(JobRow.select(JobRow.payload).where(JobRow.id == job_id))
    payload = from_json_text(rows[0]["payload"]) if rows else None
    return payload if isinstance(payload, dict) else {}


def _why(source: UUID, results: Mapping[UUID, str]) -> Json | None:
    """Return why the result of a job cannot be passed on, as an error; None if it can."""
    if source not in results:
        message = f"the job {source}, whose result is its input, has been deleted"
        return {"type": INPUT_DELETED, "message": message}
    size = len(results[source].encode())
    if size > MAX_BYTES:
        message = (
            f"the result of the job {source} has {size} bytes, at most {MAX_BYTES} are passed on"
        )
        return {"type": INPUT_TOO_LARGE, "message": message}
    return None


def _with(payload: str, result: str) -> str:
    """Return the JSON of a payload, which is an object, with the result as its last field.

    There, a null that was passed on before is replaced.
    """
    head = payload.rstrip().removesuffix("}").rstrip().removesuffix(f'"{FIELD}":null')
    comma = "" if head.endswith(("{", ",")) else ","
    return f'{head}{comma}"{FIELD}":{result}}}'
