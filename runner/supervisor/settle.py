"""Settles ended attempts: turns the outcome of a pool call into the next status of its job."""

import logging
from collections.abc import Callable, Collection, Sequence

from runner.pool.protocol.answers import CallOutcome
from runner.supervisor.backoff import backoff_ms
from runner.supervisor.running_jobs import KillReason, RunningJob
from storage.claiming.part_claims import PartFence
from storage.claims import Claims
from storage.records.attempt_ends import SettledPart
from storage.records.job import AttemptEnd, Fence, Json, Outcome, Usage

log = logging.getLogger(__name__)

_OUTCOMES = {
    "raised": Outcome.RAISED,
    "timed_out": Outcome.TIMED_OUT,
    "out_of_memory": Outcome.OUT_OF_MEMORY,
    "crashed": Outcome.CRASHED,
    "lost": Outcome.LOST,
}

LOST_DELAY_MS = 1000
"""How long a job waits in its queue after its keeper was lost through no fault of the job."""


class Settler:
    """Stores how attempts ended.

    The store rejects the end of an attempt that this runner no longer holds.
    """

    def __init__(self, claims: Claims, backoff_ms: Callable[[int], int] = backoff_ms):
        """`backoff_ms` returns the backoff in milliseconds before the n-th retry, or after
        the n-th loss."""
        self._claims = claims
        self._backoff_ms = backoff_ms

    def settle_each(self, ended: Sequence[tuple[RunningJob, CallOutcome]]) -> list[bool]:
        """Settle ended attempts; returns, in their order, whether the store accepted each.

        Plain successes are settled together, by few statements. Raises StoreError.
        """
        batch = [index for index, call in enumerate(ended) if _can_batch(*call)]
        completed = self._complete([ended[index] for index in batch])
        accepted = dict(zip(batch, completed, strict=True))
        return [
            accepted[index] if index in accepted else self.settle(*call)
            for index, call in enumerate(ended)
        ]

    def settle(self, running: RunningJob, outcome: CallOutcome) -> bool:
        """Settle one ended attempt or part.

        Returns False if the store rejected it because this runner no longer holds it. Raises
        StoreError.
        """
        if running.part:
            return self._settle_part(running.part, running, outcome)
        self._store_output(running)
        usage = _usage(outcome)
        if outcome.kind == "killed" or (outcome.kind == "lost" and running.kill_reason):
            return self._settle_killed(running, usage)
        if outcome.kind == "lost" and outcome.not_at_fault:
            # With a delay: the system may be short of what a job process needs to start.
            return self._release(running.fence, usage, LOST_DELAY_MS)
        if outcome.kind == "returned":
            return self._complete([(running, outcome)])[0]
        kind, error = _OUTCOMES[outcome.kind], _error(outcome)
        end = AttemptEnd(kind, error, usage, running.progress, outcome.traceback)
        return self._retry_or_fail(running, end, outcome.retryable)

    def store_progress(self, running: RunningJob) -> None:
        """Store the progress of a job or a part, and the output of a job. Raises StoreError."""
        if running.part:
            if running.progress is not None:
                self._claims.parts.progress(running.part, running.progress)
            return
        self._store_output(running)
        if running.progress is not None:
            self._claims.progress(running.fence, running.progress)

    def _settle_part(self, part: PartFence, running: RunningJob, outcome: CallOutcome) -> bool:
        accepted = self._store_part_end(part, running, outcome)
        if accepted:
            end = outcome.kind, _error(outcome), outcome.seconds
            self._claims.settled.record_part(
                SettledPart(running.job, part.number, part.runner, *end)
            )
        return accepted

    def _store_part_end(self, part: PartFence, running: RunningJob, outcome: CallOutcome) -> bool:
        usage, parts = _usage(outcome), self._claims.parts
        if outcome.kind == "killed" or (outcome.kind == "lost" and outcome.not_at_fault):
            return parts.give_back(part)
        if outcome.kind == "returned":
            return parts.done(part, outcome.result or "null", running.progress, usage)
        end = {"outcome": outcome.kind, "retryable": outcome.retryable}
        error = {**end, "traceback": outcome.traceback, **(_error(outcome) or {})}
        return parts.fail(part, error, usage)

    def _store_output(self, running: RunningJob) -> None:
        if running.output.pieces:
            self._claims.store_output(
                running.fence, running.output.pieces, running.output.max_bytes
            )

    def _complete(self, ended: Sequence[tuple[RunningJob, CallOutcome]]) -> list[bool]:
        ends = [
            (running.fence, outcome.result or "null", _success(running, outcome))
            for running, outcome in ended
        ]
        return self._claims.complete_each(ends)

    def _settle_killed(self, running: RunningJob, usage: Usage) -> bool:
        if running.kill_reason is KillReason.RELEASE:
            return self._release(running.fence, usage)
        if running.kill_reason is KillReason.CANCEL:
            return self._confirm_cancel(running.fence, usage)
        return False  # disowned: other runners may hold the job

    def _release(self, fence: Fence, usage: Usage, delay_ms: int = 0) -> bool:
        return self._claims.release(fence, usage, delay_ms) or self._confirm_cancel(fence, usage)

    def _confirm_cancel(self, fence: Fence, usage: Usage) -> bool:
        return self._claims.confirm_cancel(fence, AttemptEnd(Outcome.CANCELED, usage=usage))

    def _retry_or_fail(self, running: RunningJob, end: AttemptEnd, retryable: bool) -> bool:
        """Retry or fail a job; if a client has asked to cancel it meanwhile, cancel it instead."""
        retries, losses = running.job.retry_count + 1, running.job.loss_count + 1
        if end.outcome is Outcome.LOST:
            accepted = self._claims.lose(running.job, end, self._backoff_ms(losses))
        elif retryable and retries <= running.job.max_retries:
            accepted = self._claims.retry(running.fence, end, self._backoff_ms(retries))
        else:
            accepted = self._claims.fail(running.fence, end)
        return accepted or self._claims.confirm_cancel(running.fence, end)


def log_settled(
    ended: Sequence[tuple[RunningJob, CallOutcome]],
    accepted: Sequence[bool],
    maybe_settled: Collection[Fence | PartFence],
) -> None:
    """Log how attempts ended, and which ends the store rejected as stale.

    The store also rejects an end that it already has. So a rejected attempt in `maybe_settled`,
    whose commit had an unknown result, is logged as accepted.
    """
    for (running, outcome), is_accepted in zip(ended, accepted, strict=True):
        _log_end(running, outcome, is_accepted or running.held_fence in maybe_settled)


def _log_end(running: RunningJob, outcome: CallOutcome, accepted: bool) -> None:
    extra = {**running.log_fields(), "outcome": outcome.kind, "seconds": round(outcome.seconds, 3)}
    if outcome.error_type:
        extra["error"] = f"{outcome.error_type}: {outcome.error_message}"
    if outcome.traceback:
        extra["traceback"] = outcome.traceback
    log.info("job ended" if accepted else "stale end of a job dropped", extra=extra)


def _can_batch(running: RunningJob, outcome: CallOutcome) -> bool:
    """Whether an attempt can be settled together with others: a success with nothing to store."""
    return outcome.kind == "returned" and not running.has_unstored and not running.part


def _success(running: RunningJob, outcome: CallOutcome) -> AttemptEnd:
    return AttemptEnd(Outcome.RETURNED, usage=_usage(outcome), progress=running.progress)


def _usage(outcome: CallOutcome) -> Usage:
    return Usage(outcome.cpu_seconds, outcome.peak_memory_bytes, outcome.pid)


def _error(outcome: CallOutcome) -> Json | None:
    if outcome.error_type is None:
        return None
    return {"type": outcome.error_type, "message": outcome.error_message or ""}
