"""The jobs of this runner that are in the pool, each with the fence of its claim."""

import json
import logging
import os
import time
from dataclasses import dataclass, field
from enum import Enum, auto

from runner.outcome import Outcome
from runner.pool import Pool
from storage.job import Fence, Job
from storage.uploads import Uploads

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""The least time between two stored progresses of a job."""


class Kill(Enum):
    """Why a job was killed."""

    CANCEL = auto()
    RELEASE = auto()
    """The drain is over."""
    DISOWN = auto()
    """Others may run the job by now; whatever it did is stale."""


@dataclass
class Running:
    """A job in the pool. `progress` is its newest one that is not stored yet, as JSON text."""

    job: Job
    fence: Fence
    kill: Kill | None = None
    progress: str | None = None
    progress_stored_at: float = field(default_factory=time.monotonic)

    def names(self) -> dict[str, object]:
        """What a log line says of it."""
        return {"job_id": str(self.fence.job_id), "attempt": self.fence.attempt}

    def progress_stored(self) -> None:
        """There is nothing new to store now."""
        self.progress, self.progress_stored_at = None, time.monotonic()


class Roster:
    """Starts, kills and collects jobs."""

    def __init__(self, pool: Pool, uploads: Uploads):
        self._pool = pool
        self._uploads = uploads
        self._running: dict[str, Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, fence: Fence) -> bool:
        return _token(fence) in self._running

    def start(self, job: Job, fence: Fence) -> None:
        """Hand a claimed job to the pool."""
        running = self._running[_token(fence)] = Running(job, fence)
        self._pool.submit(_token(fence), self._request(job), job.timeout)
        log.info("job started", extra=running.names())

    def kill(self, fence: Fence, reason: Kill) -> None:
        """Kill a job, if it is still there; the first reason stays."""
        running = self._running.get(_token(fence))
        if running and running.kill is None:
            running.kill = reason
            self._pool.kill(_token(fence))

    def kill_all(self, reason: Kill) -> None:
        """Kill all jobs."""
        for running in list(self._running.values()):
            self.kill(running.fence, reason)

    def disown_all(self) -> None:
        """Kill all jobs, and forget what they did, whatever else they were killed for."""
        for running in self._running.values():
            running.kill = Kill.DISOWN
            self._pool.kill(_token(running.fence))

    def collect(self) -> list[tuple[Running, Outcome]]:
        """The jobs that have ended and are to be settled."""
        for token, progress in self._pool.progress().items():
            if token in self._running:
                self._running[token].progress = progress
        ended = [(self._running.pop(token), outcome) for token, outcome in self._pool.collect()]
        return [pair for pair in ended if pair[0].kill is not Kill.DISOWN]

    def living(self) -> bool:
        """Whether there is any job that nobody has killed."""
        return any(running.kill is None for running in self._running.values())

    def progress_due(self) -> list[Running]:
        """The jobs whose progress is to be stored now."""
        return [running for running, due_at in self._progress_times() if due_at <= 0]

    def next_progress(self) -> float | None:
        """Seconds until progress is to be stored, None while there is none."""
        return min((due_at for _, due_at in self._progress_times()), default=None)

    def _progress_times(self) -> list[tuple[Running, float]]:
        latest = time.monotonic() - PROGRESS_SECONDS
        running = self._running.values()
        return [(r, r.progress_stored_at - latest) for r in running if r.progress]

    def _request(self, job: Job) -> str:
        upload = job.upload and {
            "path": str(self._uploads.path(job.upload)),
            "name": job.upload.name,
            "size": job.upload.size,
        }
        request = {
            "job_id": str(job.id),
            "attempt": job.attempt,
            "type": job.type,
            "payload": job.payload,
            "upload": upload,
            "cores": max(1, len(os.sched_getaffinity(0)) - len(self._running) + 1),
        }
        return json.dumps(request)


def _token(fence: Fence) -> str:
    return f"{fence.job_id}/{fence.attempt}"
