"""How an ended attempt is settled: the outcome of its call decides the transition of its job."""

import logging
from collections.abc import Callable, Collection, Sequence

from runner.supervisor.backoff import backoff_ms
from runner.supervisor.running_jobs import KillReason, RunningJob
from storage.claiming.part_claims import PartFence
from storage.jobs.transitions import Settlement, loss
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence
from storage.records.states import COMPLETE, CONFIRM_CANCEL, FAIL, RELEASE, RETRY

log = logging.getLogger(__name__)

LOST_DELAY_MS = 1000
"""How long a job waits in its queue after its keeper was lost through no fault of the job."""


def is_disowned(running: RunningJob, outcome: AttemptOutcome) -> bool:
    """Whether the attempt was killed because other runners may hold its job, so not to settle."""
    is_released = running.kill_reason in (KillReason.RELEASE, KillReason.CANCEL)
    return not (is_released or running.part) and _is_killed(running, outcome)


def settlement(
    running: RunningJob, outcome: AttemptOutcome, backoff_ms: Callable[[int], int] = backoff_ms
) -> Settlement:
    """Return how to settle an attempt that is not disowned.

    `backoff_ms` returns the backoff in milliseconds before the n-th retry, or after the n-th loss.
    """
    fence, job, progress = running.fence, running.job, running.progress
    if _is_killed(running, outcome):
        if running.kill_reason is KillReason.CANCEL:
            return Settlement(CONFIRM_CANCEL, fence, outcome.without_error("canceled"))
        return _release(running, outcome)
    if outcome.kind == "returned":
        result = {"result": outcome.result or "null"}
        return Settlement(COMPLETE, fence, outcome, result, progress=progress)
    if outcome.kind == "lost" and outcome.not_at_fault:
        # With a delay: the system may be short of what a job process needs to start.
        return _release(running, outcome, LOST_DELAY_MS)
    if outcome.kind == "lost":
        losses = job.loss_count + 1
        return loss(fence, outcome, losses, job.max_losses, backoff_ms(losses), progress)
    retries = job.retry_count + 1
    if outcome.retryable and retries <= job.max_retries:
        counts = {"retry_count": retries}
        return Settlement(
            RETRY, fence, outcome, counts, backoff_ms(retries), progress, if_canceled=outcome
        )
    return Settlement(FAIL, fence, outcome, progress=progress, if_canceled=outcome)


def log_ended(
    ended: Sequence[tuple[RunningJob, AttemptOutcome]],
    accepted: Sequence[bool],
    maybe_settled: Collection[Fence | PartFence],
) -> None:
    """Log how attempts ended, and which ends the store rejected as stale.

    The store also rejects an end that it already has. So a rejected attempt in `maybe_settled`,
    whose commit had an unknown result, is logged as accepted.
    """
    for (running, outcome), is_accepted in zip(ended, accepted, strict=True):
        log_end(running, outcome, is_accepted or running.held_fence in maybe_settled)


def log_end(running: RunningJob, outcome: AttemptOutcome, accepted: bool) -> None:
    """Log how an attempt ended, or that the store rejected its end as stale."""
    extra = {**running.log_fields(), "outcome": outcome.kind, "seconds": round(outcome.seconds, 3)}
    if outcome.error_type:
        extra["error"] = f"{outcome.error_type}: {outcome.error_message}"
    if outcome.traceback:
        extra["traceback"] = outcome.traceback
    log.info("job ended" if accepted else "stale end of a job dropped", extra=extra)


def _is_killed(running: RunningJob, outcome: AttemptOutcome) -> bool:
    return outcome.kind == "killed" or (outcome.kind == "lost" and bool(running.kill_reason))


def _release(running: RunningJob, outcome: AttemptOutcome, delay_ms: int = 0) -> Settlement:
    released, canceled = outcome.without_error("released"), outcome.without_error("canceled")
    cleared = {"progress": None}
    return Settlement(RELEASE, running.fence, released, cleared, delay_ms, if_canceled=canceled)
