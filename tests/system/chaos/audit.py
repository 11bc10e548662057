"""Records every change of jobs and attempts, by triggers in the changing transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import CallbackRow, JobRow
from storage.jobs.rows import jobs_by_id
from tests.system.chaos.history import AttemptChange, Change, Keys

TABLE = """
CREATE TABLE chaos_audit (
    seq {serial},
    source TEXT NOT NULL,
    op TEXT NOT NULL,
    job_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    holder TEXT,
    status TEXT,
    retry_count INTEGER,
    max_retries INTEGER,
    loss_count INTEGER,
    max_losses INTEGER,
    cancel_requested BOOLEAN,
    version BIGINT,
    result TEXT,
    error TEXT,
    client_retries INTEGER,
    tx BIGINT,
    outcome TEXT,
    first_runner TEXT
)"""
COLUMNS = {
    "job": "source, op, job_id, attempt, holder, status, retry_count, max_retries, "
    "cancel_requested, version, result, error, client_retries, loss_count, max_losses, tx, "
    "outcome, first_runner",
    "attempt": "source, op, job_id, attempt, holder, outcome, tx",
}
VALUES = {
    "job": "'job', '{op}', {row}.id, {row}.attempt, {row}.locked_by, {row}.status, "
    "{row}.retry_count, {row}.max_retries, {row}.cancel_requested_at IS NOT NULL, {row}.version, "
    "{row}.result, {row}.error, {row}.client_retries, {row}.loss_count, {row}.max_losses, {tx}, "
    "{row}.first_outcome, {row}.first_runner",
    "attempt": "'attempt', '{op}', {row}.job_id, {row}.number, {row}.runner, {row}.outcome, {tx}",
}
SQLITE = """
CREATE TRIGGER audit_{source}_{op} AFTER {op} ON {source} {when} BEGIN
    INSERT INTO chaos_audit ({columns}) VALUES ({values});
END"""
POSTGRESQL = (
    """
CREATE FUNCTION audit_{source}_{op}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_audit ({columns}) VALUES ({values});
    RETURN NULL;
END $$""",
    """
CREATE TRIGGER audit_{source}_{op} AFTER {op} ON {source}
    FOR EACH ROW {when} EXECUTE FUNCTION audit_{source}_{op}()""",
)

MOST_READ = 500
"""The most jobs that are read at once."""
IS_CHANGE = "WHEN (NEW.version <> OLD.version OR NEW.status <> OLD.status)"
"""Of the updates of jobs. One without a new version only notes what reacts to the job's end."""

# On SQLite, the number that the version row had before a transaction names the transaction.
_BASE = "(SELECT base FROM counter WHERE type = '' AND name = 'version')"
_SQLITE_TX = {"job": _BASE, "attempt": "NULL"}


def install(database: Database) -> None:
    """Create the audit table and the triggers."""
    serial = "BIGSERIAL" if database.postgresql else "INTEGER"
    statements = POSTGRESQL if database.postgresql else (SQLITE,)
    database.execute(TABLE.format(serial=f"{serial} PRIMARY KEY"))
    for source in COLUMNS:
        for op in ("insert", "update", "delete"):
            row = "OLD" if op == "delete" else "NEW"
            tx = "txid_current()" if database.postgresql else _SQLITE_TX[source]
            when = IS_CHANGE if (source, op) == ("job", "update") else ""
            values = VALUES[source].format(op=op, row=row, tx=tx)
            names = {"source": source, "op": op, "columns": COLUMNS[source], "values": values}
            names["when"] = when
            for statement in statements:
                database.execute(statement.format(**names))


def entries(database: Database) -> Iterator[Change | AttemptChange]:
    """Yield all changes in their order, but within a transaction a job before its attempt.

    The first attempt of a job is in the row of the job, and gets a row of its own when the job is
    queued again; its begin and its end are each yielded once.
    """
    audit = pw.Table("chaos_audit")
    begun: set[str] = set()
    ended: set[str] = set()
    newest: dict[str, Change] = {}
    for row in in_order(database.rows(audit.select(pw.SQL("*")).order_by(audit.c.seq))):
        job_id = str(UUID(row["job_id"]))
        if row["source"] == "attempt":
            attempt = AttemptChange(
                row["op"], job_id, row["attempt"], row["holder"], row["outcome"]
            )
            if row["attempt"] > 1:
                yield attempt
            elif row["op"] != "delete" and job_id not in ended:
                ended.add(job_id)
                yield replace(attempt, op="update")
        else:
            change = _change(job_id, row)
            known = newest.get(job_id)
            if known and change == replace(known, op="update"):
                continue  # only what watches or holds it has changed
            newest[job_id] = change
            yield change
            yield from _first_attempt(job_id, row, begun, ended)


def _first_attempt(
    job_id: str, row: dict[str, Any], begun: set[str], ended: set[str]
) -> Iterator[AttemptChange]:
    """Yield the begin or the end of the first attempt, if a change of its job is one.

    `begun` and `ended` are the jobs whose first attempt has begun and has ended.
    """
    if row["op"] != "update" or row["attempt"] != 1 or job_id in ended:
        return
    if row["status"] == "running" and job_id not in begun:
        begun.add(job_id)
        yield AttemptChange("insert", job_id, 1, row["first_runner"])
    elif row["outcome"] is not None:
        ended.add(job_id)
        yield AttemptChange("update", job_id, 1, row["first_runner"], row["outcome"])


def in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort audit rows so that no attempt comes before the first change of its job in the same
    transaction."""
    first: dict[tuple[int, str], int] = {}
    for row in rows:
        if row["source"] == "job":
            first.setdefault((row["tx"], row["job_id"]), row["seq"])

    def sort_key(row: dict[str, Any]) -> tuple[int, bool, int]:
        is_attempt, seq = row["source"] == "attempt", row["seq"]
        its_jobs = first.get((row["tx"], row["job_id"]), 0) if is_attempt else 0
        return max(seq, its_jobs), is_attempt, seq

    return sorted(rows, key=sort_key)


def _change(job_id: str, row: dict[str, Any]) -> Change:
    return Change(
        row["op"],
        job_id,
        row["status"],
        row["attempt"],
        row["holder"],
        row["retry_count"],
        row["max_retries"],
        bool(row["cancel_requested"]),
        row["version"],
        row["result"],
        row["error"],
        row["client_retries"],
        row["loss_count"],
        row["max_losses"],
        row["tx"],
    )


def stored(database: Database) -> dict[str, int]:
    """The versions of the jobs in the table, by job id."""
    rows = database.rows(JobRow.select(JobRow.id, JobRow.version))
    return {str(row["id"]): int(row["version"]) for row in rows}


def attempts(database: Database) -> dict[str, list[tuple[int, str | None]]]:
    """The numbers and outcomes of the attempts of all jobs, as their documents show them."""
    ids = [row["id"] for row in database.rows(JobRow.select(JobRow.id))]
    parts = [ids[start : start + MOST_READ] for start in range(0, len(ids), MOST_READ)]
    jobs = [
        job for part in parts for job in jobs_by_id(database, part, ("payload", "result")).values()
    ]
    return {str(job.id): [(each.number, each.outcome) for each in job.attempts] for job in jobs}


def keys(database: Database) -> dict[str, Keys]:
    """The keys of the jobs in the table that have some, by job id."""
    columns = JobRow.unique_key, JobRow.unique_scope, JobRow.concurrency_key, JobRow.max_per_key
    rows = database.rows(JobRow.select(JobRow.id, *columns))
    found = {str(row.pop("id")): Keys(*row.values()) for row in rows}
    return {job_id: each for job_id, each in found.items() if each != Keys()}


def open_jobs(database: Database) -> int:
    """How many jobs are not final."""
    query = JobRow.select(pw.fn.COUNT(JobRow.id).alias("count"))
    rows = database.rows(query.where(JobRow.finished_at.is_null()))
    return int(rows[0]["count"])


def callbacks(database: Database) -> int:
    """How many callbacks are still to be sent."""
    rows = database.rows(CallbackRow.select(pw.fn.COUNT(CallbackRow.job_id).alias("count")))
    return int(rows[0]["count"])
