"""What clients have been told, and what of it is no longer true. Imports nothing of ours."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

FINAL = ("succeeded", "failed", "canceled")
TOLD = ("status", "result", "error", "finished_at")
"""The fields of a final job that never change."""


@dataclass
class Notes:
    """What the service has answered, whole, while there was power.

    What comes later is not kept: ext4 lets a sync that is under way at a cut succeed, though it
    loses what was to be synced. With a real cut nobody would be left to answer.
    """

    acknowledged: dict[str, str | None] = field(default_factory=dict)
    """Job ids, each with the SHA-256 of the file that was sent with it."""
    finals: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Jobs that were read as final, by id."""
    power: bool = True

    def accepted(self, job_id: str, sha256: str | None) -> None:
        """Keep a job that was acknowledged, with the SHA-256 of its file."""
        if self.power:
            self.acknowledged[job_id] = sha256

    def saw(self, job: dict[str, Any]) -> None:
        """Keep a job that was read, if it was final."""
        if self.power and job["status"] in FINAL:
            self.finals.setdefault(job["job_id"], {name: job[name] for name in TOLD})


@dataclass(frozen=True)
class Found:
    """What there is after a cut."""

    jobs: dict[str, dict[str, Any]]
    """Documents by id; one that is missing is lost."""
    files: dict[str, str | None]
    """SHA-256 of the files by job id, None for a missing file."""


def losses(notes: Notes, found: Found) -> dict[str, str]:
    """What was told and does not hold any more: for each such job, what is wrong."""
    found_out = {
        job_id: _loss(found, job_id, sha256, notes.finals.get(job_id))
        for job_id, sha256 in notes.acknowledged.items()
    }
    return {job_id: lost for job_id, lost in found_out.items() if lost is not None}


def _loss(found: Found, job_id: str, sha256: str | None, told: dict[str, Any] | None) -> str | None:
    job = found.jobs.get(job_id)
    if job is None:
        return "the job is lost"
    if job["status"] not in FINAL:
        return f"is still {job['status']}"
    if sha256 is not None and found.files.get(job_id) != sha256:
        return "its file is lost" if found.files.get(job_id) is None else "its file is damaged"
    if told is not None and told != {name: job[name] for name in TOLD}:
        return f"was {told}, is {[job[name] for name in TOLD]}"
    return None


def damage(database: Path) -> list[str]:
    """What SQLite says of a damaged database."""
    try:
        with closing(_read_only(database)) as connection:
            lines = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        lines = [str(error)]
    return [f"integrity_check: {line}" for line in lines if line != "ok"]


def files_of(database: Path, folder: Path) -> dict[str, str | None]:
    """The SHA-256 of the file in `folder` of every job that has one, by job id."""
    query = "SELECT id, upload_id FROM job WHERE upload_id IS NOT NULL"
    with closing(_read_only(database)) as connection:
        rows = connection.execute(query).fetchall()
    return {str(UUID(job_id)): _sha256(folder / str(UUID(upload))) for job_id, upload in rows}


def _sha256(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None


def _read_only(database: Path) -> sqlite3.Connection:
    """A connection that cannot write, beside those of the service."""
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)
