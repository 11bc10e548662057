"""The answers of the service, and a check of what it lost. Imports no other project module."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

FINAL = ("succeeded", "failed", "canceled")
FIXED_FIELDS = ("status", "result", "error", "finished_at")
"""The fields of a final job that never change."""


@dataclass
class Notes:
    """The complete answers of the service before the power cut.

    Later answers are ignored. ext4 lets a sync that is in progress at the cut succeed, although the
    data is lost. In a real power cut, the service could not answer any more.
    """

    acknowledged: dict[str, str | None] = field(default_factory=dict)
    """The SHA-256 of the uploaded file, or None, by job id."""
    finals: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The fixed fields of jobs that were read as final, by job id."""
    power: bool = True

    def add_accepted(self, job_id: str, sha256: str | None) -> None:
        """Record an acknowledged job, with the SHA-256 of its file."""
        if self.power:
            self.acknowledged[job_id] = sha256

    def add_final(self, job: dict[str, Any]) -> None:
        """Record a job that was read, if it is final."""
        if self.power and job["status"] in FINAL:
            self.finals.setdefault(job["job_id"], {name: job[name] for name in FIXED_FIELDS})


@dataclass(frozen=True)
class Recovered:
    """The state of the service after a cut."""

    jobs: dict[str, dict[str, Any]]
    """The documents of the jobs that are still there, by id."""
    files: dict[str, str | None]
    """The SHA-256 of the stored files by job id, None for a missing file."""


def losses(notes: Notes, recovered: Recovered) -> dict[str, str]:
    """Compare the answers with the state after a cut; returns what is wrong, by job id."""
    losses = {
        job_id: _loss(recovered, job_id, sha256, notes.finals.get(job_id))
        for job_id, sha256 in notes.acknowledged.items()
    }
    return {job_id: loss for job_id, loss in losses.items() if loss is not None}


def _loss(
    recovered: Recovered, job_id: str, sha256: str | None, final: dict[str, Any] | None
) -> str | None:
    job = recovered.jobs.get(job_id)
    if job is None:
        return "the job is lost"
    if job["status"] not in FINAL:
        return f"is still {job['status']}"
    if sha256 is not None and recovered.files.get(job_id) != sha256:
        return "its file is lost" if recovered.files.get(job_id) is None else "its file is damaged"
    if final is not None and final != {name: job[name] for name in FIXED_FIELDS}:
        return f"was {final}, is {[job[name] for name in FIXED_FIELDS]}"
    return None


def damage(database: Path) -> list[str]:
    """Return the problems that SQLite finds in a database file."""
    try:
        with closing(_read_only(database)) as connection:
            lines = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        lines = [str(error)]
    return [f"integrity_check: {line}" for line in lines if line != "ok"]


def files_of(database: Path, folder: Path) -> dict[str, str | None]:
    """The SHA-256 of the uploaded files in `folder`, by job id; None for a missing file."""
    query = "SELECT id, upload_id FROM job WHERE upload_id IS NOT NULL"
    with closing(_read_only(database)) as connection:
        rows = connection.execute(query).fetchall()
    return {str(UUID(job_id)): _sha256(folder / str(UUID(upload))) for job_id, upload in rows}


def _sha256(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None


def _read_only(database: Path) -> sqlite3.Connection:
    """Open a read-only connection, while the service has its own."""
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)
