"""The statements of the previous release, which works on one store with this one during an update.

They are written out here, so that they stay as they are. The texts are those that its Peewee
queries had; only the parameters are named.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from storage.db.database import Database

LAST = "0022_heartbeat"
"""The last migration of the previous release."""
_ADVANCE = "UPDATE version SET value = value + 1, base = value RETURNING value"
_COUNT = """
INSERT INTO tally (type, name, value) VALUES (:type, :name, :count)
    ON CONFLICT (type, name) DO UPDATE SET value = tally.value + EXCLUDED.value"""
_INSERT = """
INSERT INTO job (id, type, status, payload, attempt, retry_count, max_retries, loss_count,
    max_losses, priority, created_at, run_at, version, client_retries, queue)
VALUES (:id, 'sleep', 'queued', '{"seconds":1}', 0, 0, 1, 0, 10, 0, :now, :now,
    (SELECT value FROM version), 0, 'default')"""
_DUE = """
SELECT id FROM job {by_index} WHERE status = 'queued' AND queue = 'default' AND priority = 0
    AND run_at <= :now ORDER BY run_at, id LIMIT 1"""
_CLAIM = """
UPDATE job SET locked_by = :runner, started_at = :now, attempt = attempt + 1, progress = NULL,
    status = 'running', version = (SELECT value FROM version)
WHERE id = :id AND status IN ('queued')"""
_BEGIN = """
INSERT INTO attempt (job_id, number, runner, started_at)
VALUES (:id, (SELECT attempt FROM job WHERE id = :id), :runner, :now)"""
_SETTLE = """
UPDATE job SET status = :status, locked_by = NULL, result = :result, error = :error,
    finished_at = :finished_at, version = (SELECT value FROM version)
WHERE id = :id AND status IN ('running') AND locked_by = :runner AND attempt = :attempt"""
_END = """
UPDATE attempt SET finished_at = :now, outcome = :outcome, error = :error, cpu_seconds = 0.5,
    peak_memory_bytes = 4096, pid = 77 WHERE job_id = :id AND number = :attempt"""
_REQUEUE = """
UPDATE job SET finished_at = NULL, error = NULL, progress = NULL, cancel_requested_at = NULL,
    run_at = :now, retry_count = 0, loss_count = 0, client_retries = client_retries + 1,
    status = 'queued', version = (SELECT value FROM version)
WHERE id = :id AND status IN ('canceled', 'failed')"""
_ATTEMPTS = """
SELECT number, runner, started_at, finished_at, outcome, error, pid FROM attempt
WHERE job_id = :id ORDER BY number"""
_DELETE = ("DELETE FROM attempt WHERE job_id = :id", "DELETE FROM job WHERE id = :id")


class PreviousRelease:
    """A listener and a runner of the previous release, over a connection of their own."""

    def __init__(self, database: Database, runner: str = "previous"):
        self._database = database
        self._runner = runner

    def _run(self, sql: str, **values: Any) -> Any:
        engine, names = self._database.engine, []
        if "id" in values:
            postgresql = self._database.postgresql
            values["id"] = values["id"] if postgresql else values["id"].hex
        words = sql.split(":")
        text = words[0]
        for word in words[1:]:
            name = word[: len(word) - len(word.lstrip("abcdefghijklmnopqrstuvwxyz_"))]
            if name not in values:  # a part of a JSON text
                text += f":{word}"
                continue
            names.append(name)
            text += ("%s" if self._database.postgresql else "?") + word[len(name) :]
        return engine.execute_sql(text, [values[name] for name in names])

    def _advance(self) -> None:
        if self._database.postgresql:
            self._run("SELECT pg_advisory_xact_lock('version'::regclass::oid::integer, 0)")
        self._run(_ADVANCE).fetchall()

    def submit(self, job_id: UUID, now: int) -> None:
        """Store a job."""
        with self._database.transaction():
            self._advance()
            self._run(_INSERT, id=job_id, now=now)
            self._run(_COUNT, type="sleep", name="submitted", count=1)

    def claim(self, job_id: UUID, now: int) -> None:
        """Claim a job, which must be the first that is due."""
        by_index = "" if self._database.postgresql else "INDEXED BY job_due"
        with self._database.transaction():
            self._advance()
            ((found,),) = self._run(_DUE.format(by_index=by_index), now=now).fetchall()
            assert UUID(str(found)) == job_id
            assert self._run(_CLAIM, id=job_id, runner=self._runner, now=now).rowcount == 1
            assert self._run(_BEGIN, id=job_id, runner=self._runner, now=now).rowcount == 1

    def end(self, job_id: UUID, attempt: int, now: int, runner: str, **given: str) -> None:
        """End an attempt that a runner holds: `status` of the job, and `outcome` of the attempt."""
        final = given["status"] != "queued"
        error = '{"type":"E","message":"no"}' if given["status"] != "succeeded" else None
        values: Mapping[str, Any] = {
            "status": given["status"],
            "result": "1" if given["status"] == "succeeded" else None,
            "error": error,
            "finished_at": now if final else None,
        }
        with self._database.transaction():
            self._advance()
            key = {"id": job_id, "attempt": attempt}
            assert self._run(_SETTLE, **key, runner=runner, **values).rowcount == 1
            ended = {"outcome": given["outcome"], "error": error, "now": now}
            assert self._run(_END, **key, **ended).rowcount == 1
            if final:
                self._run(_COUNT, type="sleep", name=f"finished {given['status']}", count=1)

    def requeue(self, job_id: UUID, now: int) -> None:
        """Retry a job for a client."""
        with self._database.transaction():
            self._advance()
            assert self._run(_REQUEUE, id=job_id, now=now).rowcount == 1
            self._run(_COUNT, type="sleep", name="client_retry", count=1)

    def attempts(self, job_id: UUID) -> list[tuple[Any, ...]]:
        """Number, runner, start, end, outcome, error and pid of each attempt of a job."""
        return [tuple(row) for row in self._run(_ATTEMPTS, id=job_id).fetchall()]

    def delete(self, job_id: UUID) -> None:
        """Delete a job."""
        with self._database.transaction():
            for statement in _DELETE:
                self._run(statement, id=job_id)

    def version(self) -> int:
        """The newest version."""
        ((found,),) = self._run("SELECT value FROM version").fetchall()
        return int(found)

    def counters(self) -> dict[str, int]:
        """The counters of all types together, by name."""
        found = self._run("SELECT name, SUM(value) FROM tally GROUP BY name ORDER BY name")
        return {name: int(value) for name, value in found.fetchall()}
