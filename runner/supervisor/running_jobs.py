"""The jobs that this runner has handed to its pool.

The outcome of a job's call decides the transition that settles its attempt.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Collection, Sequence
from itertools import zip_longest

from runner.pool.pool import Pool
from runner.pool.protocol.output import UnstoredOutput
from runner.pool.protocol.prefetch import PrefetchDepth
from runner.supervisor.backoff import backoff_ms
from runner.supervisor.file_storer import FileStorer
from runner.supervisor.running_job import (
    Capacity,
    Ended,
    KillReason,
    RunningJob,
    request_text,
    shared_file,
)
from runner.supervisor.storing_jobs import StoringJobs
from storage.files.uploads import Uploads
from storage.jobs.transitions import Settlement, loss
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.backoff import seconds_before_retry
from storage.records.job import Fence, Job
from storage.records.job_file import JobFile
from storage.records.states import COMPLETE, CONFIRM_CANCEL, FAIL, RELEASE, RETRY

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""The shortest interval at which progress and output of a job are stored."""
LOST_DELAY_MS = 1000
"""How long a job waits in its queue after its keeper was lost through no fault of the job."""
_MAY_LEAVE_FILES = frozenset({"lost", "crashed"})
"""Outcomes with which the runner does not know whether the keeper has kept files."""


class RunningJobs:
    """Starts, kills and collects jobs, each of them one call of the pool."""

    def __init__(self, pool: Pool, uploads: Uploads, storer: FileStorer):
        self._pool = pool
        self._uploads = uploads
        self._storing = StoringJobs(storer)
        self._running: dict[str, RunningJob] = {}
        """The running jobs by the ids of their calls."""
        self._prefetch_depth = PrefetchDepth(pool.size)
        self._processors = 1

    def __len__(self) -> int:
        return len(self._running) + len(self._storing)

    def __contains__(self, fence: Fence) -> bool:
        return self._find_call_id(fence) is not None or fence in self._storing

    def filenos(self) -> tuple[int, ...]:
        """Return descriptors to wait on: one is readable while there is something to collect."""
        return self._storing.fileno(), *self._pool.filenos()

    def capacity(self) -> Capacity:
        """How many more jobs can be taken; short jobs allow a deeper prefetch.

        A job whose files are being stored holds a slot.
        """
        free = self._pool.room()
        if storing := len(self._storing):
            return Capacity(max(0, free - storing), 0)
        return Capacity(free, self._pool.room(self._prefetch_depth.depth()) - free)

    def start(self, job: Job) -> None:
        """Hand a claimed job to the pool."""
        self._submit(RunningJob(job))

    def kill(self, fence: Fence, reason: KillReason) -> None:
        """Kill a job if it still runs; the first reason is kept.

        Calling it again makes the pool retry a kill that is held up.
        """
        call_id = self._find_call_id(fence)
        if call_id is not None:
            self._kill(call_id, reason)
        elif self._storing:
            self._storing.kill(fence, reason)

    def kill_all(self, reason: KillReason) -> None:
        """Kill all jobs; the first reason of each is kept."""
        for call_id in list(self._running):
            self._kill(call_id, reason)
        self._storing.kill_all(reason)

    def release_prefetched(self, seconds: float) -> bool:
        """Release jobs that have waited for `seconds` behind others; returns whether any remain."""
        for call_id in list(self._pool.waiting(seconds)):  # a copy: a kill can end a call at once
            self._kill(call_id, KillReason.RELEASE)
        return any(self._pool.waiting(0.0))

    def disown_all(self) -> None:
        """Kill all jobs, and set the reason DISOWN so that none of them is settled."""
        for call_id, running in self._running.items():
            running.kill_reason = KillReason.DISOWN
            self._pool.kill(call_id)
        self._storing.kill_all(KillReason.DISOWN)

    def collect(self) -> list[Ended]:
        """Take the jobs that have ended from the pool, with their outcomes.

        Jobs that have left files follow once their files are stored.
        """
        self._processors = len(os.sched_getaffinity(0))
        outcomes, progress_of, output_of = self._pool.collect()
        for call_id, progress in progress_of.items():
            if call_id in self._running:
                self._running[call_id].progress = progress
        for call_id, pieces in output_of.items():
            if call_id in self._running:
                self._running[call_id].output.add(pieces)
        ended = list[Ended]()
        for call_id, outcome in outcomes:
            running = self._running.pop(call_id)
            self._prefetch_depth.record(outcome.seconds)
            if outcome.has_files or outcome.kind in _MAY_LEAVE_FILES:
                ended += self._storing.take(call_id, running, outcome)
            else:
                ended.append((running, outcome))
        return ended + self._storing.collect() if self._storing else ended

    def delete_unused(self, files: Sequence[JobFile]) -> None:
        """Delete stored files whose attempt was settled by another runner."""
        self._storing.delete(files)

    def any_alive(self) -> bool:
        """Whether any job runs that was not killed."""
        alive = (running.kill_reason is None for running in self._running.values())
        return any(alive) or bool(self._storing)

    def due_to_store(self) -> list[RunningJob]:
        """The jobs whose progress or output should be stored now."""
        latest = time.monotonic() - PROGRESS_SECONDS
        return [
            running
            for running in self._running.values()
            if running.has_unstored and running.stored_at <= latest
        ]

    def seconds_to_next_store(self) -> float:
        """Seconds until progress or output should be stored, infinite if there is none."""
        running_jobs = self._running.values()
        stored_at = [running.stored_at for running in running_jobs if running.has_unstored]
        return min(stored_at, default=math.inf) + PROGRESS_SECONDS - time.monotonic()

    def _submit(self, running: RunningJob) -> None:
        job = running.job
        running.output = UnstoredOutput(self._pool.limits.output_bytes(job.limits))
        call_id = f"{job.id}/{job.attempt}"
        self._running[call_id] = running
        text = request_text(job, self._uploads, self._cores())
        file = shared_file(job, self._uploads)
        given = text, job.timeout, file, job.limits, job.type, job.submitted_by
        self._pool.submit(call_id, *given)
        log.debug("job handed to the pool", extra=running.log_fields())

    def _kill(self, call_id: str, reason: KillReason) -> None:
        self._running[call_id].kill_reason = self._running[call_id].kill_reason or reason
        self._pool.kill(call_id)

    def _find_call_id(self, fence: Fence) -> str | None:
        """The id of the call that runs a job."""
        for call_id, running in self._running.items():
            if fence == running.fence:
                return call_id
        return None

    def _cores(self) -> int:
        """How many processors one job may keep busy: its own and all idle ones."""
        return max(1, self._processors + 1 - min(len(self._running), self._pool.size))


def is_disowned(running: RunningJob, outcome: AttemptOutcome) -> bool:
    """Whether the attempt was killed because other runners may hold its job, so not to settle."""
    is_released = running.kill_reason in (KillReason.RELEASE, KillReason.CANCEL)
    return not is_released and _is_killed(running, outcome)


def settlement(
    running: RunningJob, outcome: AttemptOutcome, backoff_ms: Callable[[int], int] = backoff_ms
) -> Settlement:
    """Return how to settle an attempt that is not disowned.

    `backoff_ms` returns the backoff in milliseconds before the n-th retry, unless the job has its
    own, or after the n-th loss.
    """
    fence, job, progress = running.fence, running.job, running.progress
    if _is_killed(running, outcome):
        if running.kill_reason is KillReason.CANCEL:
            return Settlement(CONFIRM_CANCEL, fence, outcome.without_error("canceled"))
        return _release(running, outcome)
    if outcome.kind == "returned":
        result = {"result": outcome.result or "null"}
        return Settlement(COMPLETE, fence, outcome, result, progress=progress, files=running.files)
    if outcome.kind == "lost" and outcome.not_at_fault:
        # With a delay: the system may be short of what a job process needs to start.
        return _release(running, outcome, LOST_DELAY_MS)
    if outcome.kind == "lost":
        losses = job.loss_count + 1
        return loss(fence, outcome, losses, job.max_losses, backoff_ms(losses), progress)
    retries = job.retry_count + 1
    if outcome.retryable and retries <= job.max_retries:
        counts = {"retry_count": retries}
        if job.backoff is None:
            wait_ms = backoff_ms(retries)
        else:
            wait_ms = round(seconds_before_retry(job.backoff, retries) * 1000)
        return Settlement(RETRY, fence, outcome, counts, wait_ms, progress, if_canceled=outcome)
    return Settlement(FAIL, fence, outcome, progress=progress, if_canceled=outcome)


def log_ended(
    ended: Sequence[tuple[RunningJob, AttemptOutcome]],
    accepted: Sequence[bool],
    maybe_settled: Collection[Fence],
    settlements: Sequence[Settlement] = (),
) -> None:
    """Log how attempts ended, and which ends the store rejected as stale.

    The store also rejects an end that it already has. So a rejected attempt in `maybe_settled`,
    whose commit had an unknown result, is logged as accepted.
    """
    all_ended = zip_longest(ended, accepted, settlements)
    for (running, outcome), is_accepted, settled in all_ended:
        log_end(running, outcome, is_accepted or running.fence in maybe_settled, settled)


def log_end(
    running: RunningJob,
    outcome: AttemptOutcome,
    accepted: bool,
    settled: Settlement | None = None,
) -> None:
    """Log how an attempt ended, or that the store rejected its end as stale.

    `settled` says what follows a failed attempt, unless a client has canceled the job meanwhile.
    """
    extra = {
        **running.log_fields(),
        "outcome": _public_outcome(running, outcome),
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.error_type:
        extra["error"] = f"{outcome.error_type}: {outcome.error_message}"
    if outcome.traceback:
        extra["traceback"] = outcome.traceback
    if settled and accepted and outcome.error_type:
        extra["next"] = _next(running.job, settled)
    log.info("job ended" if accepted else "stale end of a job dropped", extra=extra)


def _next(job: Job, settled: Settlement) -> str:
    """The next step after a failed attempt, as in "retry 1 of 3 in 0.25 s"."""
    if settled.delay_ms is None:
        return "no retry"
    retries = settled.changes.get("retry_count")
    what = f"retry {retries} of {job.max_retries}" if retries else "a new attempt"
    return f"{what} in {settled.delay_ms / 1000:g} s"


def _public_outcome(running: RunningJob, outcome: AttemptOutcome) -> str:
    """The outcome as the API names it: a killed attempt was canceled or released."""
    if outcome.kind != "killed":
        return outcome.kind
    return "canceled" if running.kill_reason is KillReason.CANCEL else "released"


def _is_killed(running: RunningJob, outcome: AttemptOutcome) -> bool:
    return outcome.kind == "killed" or (outcome.kind == "lost" and bool(running.kill_reason))


def _release(running: RunningJob, outcome: AttemptOutcome, delay_ms: int = 0) -> Settlement:
    released, canceled = outcome.without_error("released"), outcome.without_error("canceled")
    cleared = {"progress": None}
    return Settlement(RELEASE, running.fence, released, cleared, delay_ms, if_canceled=canceled)
