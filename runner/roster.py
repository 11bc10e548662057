"""The jobs of this runner that are in the pool, each with the fence of its claim."""

import json
import logging
import math
import os
import time
from dataclasses import dataclass, field
from enum import Enum, auto

from runner.outcome import Outcome
from runner.pace import Pace
from runner.pool import Pool
from runner.printed import Pieces
from storage.job import Fence, Job
from storage.uploads import Uploads

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""The least time between two stored progresses of a job."""


class Kill(Enum):
    """Why a job was killed."""

    CANCEL = auto()
    RELEASE = auto()
    """The drain is over, or it has not started for too long."""
    DISOWN = auto()
    """Others may run the job by now; nothing more is to be said of it."""


@dataclass
class Running:
    """A job in the pool. `progress` is its newest one that is not stored yet, as JSON text."""

    job: Job
    kill: Kill | None = None
    progress: str | None = None
    printed: Pieces = field(default_factory=Pieces)
    """What of its output is not stored yet."""
    progress_stored_at: float = field(default_factory=time.monotonic)

    @property
    def fence(self) -> Fence:
        """What this runner must still hold for its word on the job to count."""
        return self.job.fence

    @property
    def told(self) -> bool:
        """Whether there is progress or output to be stored."""
        return bool(self.progress or self.printed.parts)

    def names(self) -> dict[str, object]:
        """What a log line says of it."""
        return {"job_id": str(self.fence.job_id), "attempt": self.fence.attempt}

    def progress_stored(self) -> None:
        """There is nothing new to store now."""
        self.progress, self.progress_stored_at = None, time.monotonic()
        self.printed.parts.clear()


class Roster:
    """Starts, kills and collects jobs."""

    def __init__(self, pool: Pool, uploads: Uploads):
        self._pool = pool
        self._uploads = uploads
        self._running: dict[str, Running] = {}
        self._pace = Pace()

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, fence: Fence) -> bool:
        return _token(fence) in self._running

    def room(self) -> tuple[int, int]:
        """How many more jobs can start at once, and how many can wait behind others."""
        free = self._pool.room()
        return free, self._pool.room(self._pace.ahead()) - free

    def start(self, job: Job) -> None:
        """Hand a claimed job to the pool."""
        token = _token(job.fence)
        running = Running(job, printed=Pieces(self._pool.log_bytes))
        self._running[token] = running
        self._pool.submit(token, self._request(job), job.timeout)
        log.debug("job handed to the pool", extra=running.names())

    def kill(self, fence: Fence, reason: Kill) -> None:
        """Kill a job, if it is still there; the first reason stays. Asked again, the pool looks
        again after what holds the kill up."""
        running = self._running.get(_token(fence))
        if running:
            running.kill = running.kill or reason
            self._pool.kill(_token(fence))

    def kill_all(self, reason: Kill) -> None:
        """Kill all jobs."""
        for running in list(self._running.values()):
            self.kill(running.fence, reason)

    def give_back(self, seconds: float) -> bool:
        """Release the jobs that have waited for so long behind others; whether any wait still."""
        for token in self._pool.waiting(seconds):
            self.kill(self._running[token].fence, Kill.RELEASE)
        return bool(self._pool.waiting(0.0))

    def disown_all(self) -> None:
        """Kill all jobs, whatever else they were killed for."""
        for running in self._running.values():
            running.kill = Kill.DISOWN
            self._pool.kill(_token(running.fence))

    def collect(self) -> list[tuple[Running, Outcome]]:
        """The jobs that have ended and are to be settled."""
        outcomes = self._pool.collect()
        # After the outcomes: then all is there that those jobs have told.
        for token, progress in self._pool.progress().items():
            if token in self._running:
                self._running[token].progress = progress
        for token, pieces in self._pool.output().items():
            if token in self._running:
                self._running[token].printed.add(pieces)
        ended = [(self._running.pop(token), outcome) for token, outcome in outcomes]
        for _, outcome in ended:
            self._pace.note(outcome.seconds)
        return ended

    def living(self) -> bool:
        """Whether there is any job that nobody has killed."""
        return any(running.kill is None for running in self._running.values())

    def progress_due(self) -> list[Running]:
        """The jobs whose progress or output is to be stored now."""
        return [running for running, due_at in self._progress_times() if due_at <= 0]

    def next_progress(self) -> float:
        """Seconds until such is to be stored, infinite while there is none."""
        return min((due_at for _, due_at in self._progress_times()), default=math.inf)

    def _progress_times(self) -> list[tuple[Running, float]]:
        latest = time.monotonic() - PROGRESS_SECONDS
        running = self._running.values()
        return [(each, each.progress_stored_at - latest) for each in running if each.told]

    def _request(self, job: Job) -> str:
        upload = job.upload and {
            **self._uploads.access(job.upload, job.timeout),
            "name": job.upload.name,
            "size": job.upload.size,
        }
        request = {
            "job_id": str(job.id),
            "attempt": job.attempt,
            "type": job.type,
            "payload": job.payload,
            "upload": upload,
            "cores": self._cores(),
        }
        return json.dumps(request)

    def _cores(self) -> int:
        """How many processors there are beside those that other jobs use."""
        others = min(len(self._running), self._pool.size) - 1
        return max(1, len(os.sched_getaffinity(0)) - others)


def _token(fence: Fence) -> str:
    return f"{fence.job_id}/{fence.attempt}"
