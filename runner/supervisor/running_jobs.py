"""The jobs of this runner that are in the pool, and parts of jobs; each with its fence."""

import logging
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from runner.pool.pool import Pool
from runner.pool.protocol.outcome import CallOutcome
from runner.pool.protocol.output import UnstoredOutput
from runner.pool.protocol.prefetch import PrefetchDepth
from runner.supervisor.job_request import RUN, Step, request_text
from storage.claiming.parts import ClaimedPart, PartFence
from storage.files.uploads import Uploads
from storage.records.job import Fence, Job

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""The least time between two stored progresses of a job."""


class KillReason(Enum):
    """Why a job was killed."""

    CANCEL = auto()
    RELEASE = auto()
    """The drain is over, or it has not started for too long."""
    DISOWN = auto()
    """Others may run the job by now; nothing more is to be said of it."""


@dataclass
class RunningJob:
    """A job in the pool. `progress` is its newest one that is not stored yet, as JSON text."""

    job: Job
    step: Step = field(default_factory=lambda: RUN)
    part: PartFence | None = None
    """If it is a part: then only this is held, and not the job."""
    kill: KillReason | None = None
    progress: str | None = None
    printed: UnstoredOutput = field(default_factory=UnstoredOutput)
    """What of its output is not stored yet."""
    progress_stored_at: float = field(default_factory=time.monotonic)

    @property
    def fence(self) -> Fence:
        """What this runner must still hold for its word on the job to count."""
        return self.job.fence

    @property
    def told(self) -> bool:
        """Whether there is progress or output to be stored."""
        return bool(self.progress or self.printed.pieces)

    def names(self) -> dict[str, object]:
        """What a log line says of it."""
        names = {"job_id": str(self.job.id), "attempt": self.job.attempt}
        return {**names, "part": self.part.number} if self.part else names

    def progress_stored(self) -> None:
        """There is nothing new to store now."""
        self.progress, self.progress_stored_at = None, time.monotonic()
        self.printed.pieces.clear()


class RunningJobs:
    """Starts, kills and collects jobs."""

    def __init__(self, pool: Pool, uploads: Uploads):
        self._pool = pool
        self._uploads = uploads
        self._running: dict[str, RunningJob] = {}
        self._prefetch_depth = PrefetchDepth(pool.size)
        self._processors = 1

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, fence: Fence | PartFence) -> bool:
        return self._token_of(fence) is not None

    def room(self) -> tuple[int, int]:
        """How many more jobs can start at once, and how many can wait behind others."""
        free = self._pool.room()
        return free, self._pool.room(self._prefetch_depth.depth()) - free

    def start(self, job: Job) -> None:
        """Hand a claimed job to the pool."""
        self._submit(RunningJob(job), (), job.timeout)

    def start_step(
        self, job: Job, step: Step, results: Sequence[str] = (), timeout: float | None = None
    ) -> None:
        """Hand a step of a claimed job to the pool, with results of parts as JSON text."""
        self._submit(
            RunningJob(job, step), results, None if timeout is None else max(timeout, 0.001)
        )

    def start_part(self, taken: ClaimedPart) -> None:
        """Hand a claimed part of a job to the pool."""
        step = {"kind": "part", "spec": taken.spec}
        self._submit(RunningJob(taken.job, step, taken.fence), (), taken.job.timeout)

    def parts(self) -> list[PartFence]:
        """The parts that nobody has killed."""
        living = (running for running in self._running.values() if running.kill is None)
        return [running.part for running in living if running.part]

    def kill(self, fence: Fence | PartFence, reason: KillReason) -> None:
        """Kill a job or a part, if it is still there; the first reason stays. Asked again, the pool
        looks again after what holds the kill up."""
        token = self._token_of(fence)
        if token is not None:
            self._kill(token, reason)

    def kill_all(self, reason: KillReason) -> None:
        """Kill all jobs."""
        for token in list(self._running):
            self._kill(token, reason)

    def give_back(self, seconds: float) -> bool:
        """Release the jobs that have waited for so long behind others; whether any wait still."""
        for token in list(self._pool.waiting(seconds)):  # a kill may end it at once
            self._kill(token, KillReason.RELEASE)
        return any(self._pool.waiting(0.0))

    def disown_all(self) -> None:
        """Kill all jobs, whatever else they were killed for."""
        for token, running in self._running.items():
            running.kill = KillReason.DISOWN
            self._pool.kill(token)

    def collect(self) -> list[tuple[RunningJob, CallOutcome]]:
        """The jobs that have ended and are to be settled."""
        self._processors = len(os.sched_getaffinity(0))
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
            self._prefetch_depth.record(outcome.seconds)
        return ended

    def living(self) -> bool:
        """Whether there is any job that nobody has killed."""
        return any(running.kill is None for running in self._running.values())

    def progress_due(self) -> list[RunningJob]:
        """The jobs whose progress or output is to be stored now."""
        return [running for running, due_at in self._progress_times() if due_at <= 0]

    def next_progress(self) -> float:
        """Seconds until such is to be stored, infinite while there is none."""
        return min((due_at for _, due_at in self._progress_times()), default=math.inf)

    def _progress_times(self) -> list[tuple[RunningJob, float]]:
        latest = time.monotonic() - PROGRESS_SECONDS
        running = self._running.values()
        return [(each, each.progress_stored_at - latest) for each in running if each.told]

    def _submit(self, running: RunningJob, results: Sequence[str], timeout: float | None) -> None:
        running.printed = UnstoredOutput(self._pool.log_bytes)
        token = _token(running)
        self._running[token] = running
        text = request_text(running.job, running.step, self._uploads, self._cores(), results)
        self._pool.submit(token, text, timeout)
        log.debug("job handed to the pool", extra=running.names())

    def _kill(self, token: str, reason: KillReason) -> None:
        self._running[token].kill = self._running[token].kill or reason
        self._pool.kill(token)

    def _token_of(self, fence: Fence | PartFence) -> str | None:
        """That of the call for a job, whichever its step, or for a part."""
        for token, running in self._running.items():
            if fence == (running.part or running.fence):
                return token
        return None

    def _cores(self) -> int:
        """How many processors there are beside those that other jobs use."""
        return max(1, self._processors + 1 - min(len(self._running), self._pool.size))


def _token(running: RunningJob) -> str:
    """The name of its call, which no other has: of a job, of a step of it, or of a part."""
    job, part = f"{running.job.id}/{running.job.attempt}", running.part
    if part:
        return f"{job}/{part.number}/{part.tries}"
    if running.step == RUN:
        return job
    return f"{job}/{running.step['kind']}/{running.step.get('first', '')}"
