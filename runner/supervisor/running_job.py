"""A job in this runner: the request that its process gets, and why it was killed."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from runner.pool.linux.work_folders import FILE_FROM_WORK
from runner.pool.protocol.output import UnstoredOutput
from storage.claims import Unstored
from storage.files.uploads import Uploads
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence, Job, Upload
from storage.records.job_file import JobFile
from storage.records.trace_context import attempt_traceparent


class Capacity(NamedTuple):
    """How many more jobs the pool can take."""

    free_slots: int
    """Jobs that would start at once."""
    prefetch: int
    """Further jobs that would wait behind running ones."""


class KillReason(Enum):
    """Why a job was killed."""

    CANCEL = auto()
    """A client canceled the job."""
    RELEASE = auto()
    """The job goes back to its queue: the drain is over, or it waited too long behind others."""
    DISOWN = auto()
    """The lease ended, so other runners may run the job; this runner must not settle it."""


@dataclass
class RunningJob:
    """A job in the pool."""

    job: Job
    kill_reason: KillReason | None = None
    progress: str | None = None
    """The newest progress that is not stored yet, as JSON text."""
    output: UnstoredOutput = field(default_factory=UnstoredOutput)
    """The output that is not stored yet."""
    files: Sequence[JobFile] = ()
    """The files that it has left, once they are stored."""
    stored_at: float = field(default_factory=time.monotonic)
    """When progress and output were last stored, in seconds of the monotonic clock."""

    @property
    def fence(self) -> Fence:
        """The fence of the job: the runner and the attempt that must still hold it."""
        return self.job.fence

    @property
    def has_unstored(self) -> bool:
        """Whether there is progress or output to store."""
        return bool(self.progress or self.output.pieces)

    def log_fields(self) -> dict[str, object]:
        """The fields that identify the attempt in a log record."""
        return {"job_id": str(self.job.id), "attempt": self.job.attempt}

    def unstored(self, progress: str | None) -> Unstored:
        """The output that is not stored yet, with this progress."""
        return Unstored(self.fence, progress, self.output.pieces, self.output.max_bytes)

    def mark_stored(self) -> None:
        """Note that all progress and output is stored."""
        self.progress, self.stored_at = None, time.monotonic()
        self.output.pieces.clear()


def request_text(job: Job, uploads: Uploads, cores: int) -> str:
    """Return the request as JSON text, in the form that `load` in `registry/loader.py` documents.

    `cores` is the number of processors that the job may keep busy.
    """
    upload = job.upload and {
        **_access(job, job.upload, uploads),
        "name": job.upload.name,
        "size": job.upload.size,
    }
    request = {
        "job_id": str(job.id),
        "attempt": job.attempt,
        "type": job.type,
        "payload": job.payload,
        "upload": upload,
        "cores": cores,
    }
    if job.traceparent:
        traceparent = attempt_traceparent(job.traceparent, job.id, job.attempt)
        request["traceparent"] = traceparent
    return json.dumps(request)


def shared_file(job: Job, uploads: Uploads) -> str | None:
    """Return the name of the local file that a job may read; None if it has none."""
    return str(job.upload.id) if job.upload and uploads.folder else None


def _access(job: Job, upload: Upload, uploads: Uploads) -> dict[str, str]:
    access = uploads.access(upload, job.timeout)
    if "path" in access:  # the job cannot read it there, but finds a link to it
        access["path"] = f"{FILE_FROM_WORK}/{shared_file(job, uploads)}"
    return access


Ended = tuple[RunningJob, AttemptOutcome]
"""A job that has ended, and how."""
