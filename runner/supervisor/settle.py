"""From how an attempt ended in the pool to what becomes of its job."""

import logging
import random
from collections.abc import Callable, Collection, Sequence

from runner.pool.protocol.outcome import CallOutcome as PoolOutcome
from runner.supervisor import retry
from runner.supervisor.running_jobs import KillReason, RunningJob
from storage.claiming.parts import PartFence
from storage.claims import Claims
from storage.records.attempt_ends import SettledPart
from storage.records.job import AttemptEnd, AttemptOutcome, Fence, Json, Usage

log = logging.getLogger(__name__)

_OUTCOMES = {
    "raised": AttemptOutcome.RAISED,
    "timed_out": AttemptOutcome.TIMED_OUT,
    "out_of_memory": AttemptOutcome.OUT_OF_MEMORY,
    "crashed": AttemptOutcome.CRASHED,
    "lost": AttemptOutcome.LOST,
}

LOST_DELAY_MS = 1000


def backoff_ms(retries: int) -> int:
    """The wait before the n-th retry, with its random part."""
    return retry.delay_ms(retries, random.random)


class Settler:
    """Writes into the store how attempts ended. Each of its answers may be refused as stale."""

    def __init__(self, claims: Claims, backoff_ms: Callable[[int], int] = backoff_ms):
        self._claims = claims
        self._backoff_ms = backoff_ms

    def settle_each(self, ended: Sequence[tuple[RunningJob, PoolOutcome]]) -> list[bool]:
        """The same as `settle` for many, in their order."""
        plain = [at for at, (r, o) in enumerate(ended) if _is_plain(r, o)]
        moved = dict(zip(plain, self._complete([ended[at] for at in plain]), strict=True))
        return [moved[at] if at in moved else self.settle(*ended[at]) for at in range(len(ended))]

    def settle(self, running: RunningJob, outcome: PoolOutcome) -> bool:
        """Move the job on; False if the store refused, since this runner holds it no more."""
        if running.part:
            return self._end_part(running.part, running, outcome)
        self._store_output(running)
        usage = _usage(outcome)
        if outcome.kind == "killed" or (outcome.kind == "lost" and running.kill):
            return self._killed(running, usage)
        if outcome.kind == "lost" and outcome.innocent:
            # Not at once: the system may be short of what a job process needs.
            return self._release(running.fence, usage, LOST_DELAY_MS)
        if outcome.kind == "returned":
            return self._complete([(running, outcome)])[0]
        ended = AttemptEnd(_OUTCOMES[outcome.kind], _error(outcome), usage, running.progress)
        return self._failed(running, ended, outcome.retryable)

    def store_progress(self, running: RunningJob) -> None:
        """Store how far a job is, and what it has printed; of a part, only how far it is."""
        if running.part:
            if running.progress is not None:
                self._claims.parts.progress(running.part, running.progress)
            return
        self._store_output(running)
        if running.progress is not None:
            self._claims.progress(running.fence, running.progress)

    def _end_part(self, part: PartFence, running: RunningJob, outcome: PoolOutcome) -> bool:
        moved = self._settle_part(part, running, outcome)
        if moved:
            said = outcome.kind, _error(outcome), outcome.seconds
            self._claims.settled.record_part(
                SettledPart(running.job, part.number, part.runner, *said)
            )
        return moved

    def _settle_part(self, part: PartFence, running: RunningJob, outcome: PoolOutcome) -> bool:
        usage, parts = _usage(outcome), self._claims.parts
        if outcome.kind == "killed" or (outcome.kind == "lost" and outcome.innocent):
            return parts.give_back(part)
        if outcome.kind == "returned":
            return parts.done(part, outcome.result or "null", running.progress, usage)
        error = {"outcome": outcome.kind, "retryable": outcome.retryable, **(_error(outcome) or {})}
        return parts.fail(part, error, usage)

    def _store_output(self, running: RunningJob) -> None:
        if running.printed.parts:
            self._claims.store_output(running.fence, running.printed.parts, running.printed.most)

    def _complete(self, ended: Sequence[tuple[RunningJob, PoolOutcome]]) -> list[bool]:
        ends = [
            (running.fence, outcome.result or "null", _returned(running, outcome))
            for running, outcome in ended
        ]
        return self._claims.complete_each(ends)

    def _killed(self, running: RunningJob, usage: Usage) -> bool:
        if running.kill is KillReason.RELEASE:
            return self._release(running.fence, usage)
        return running.kill is KillReason.CANCEL and self._confirm_cancel(running.fence, usage)

    def _release(self, fence: Fence, usage: Usage, delay_ms: int = 0) -> bool:
        return self._claims.release(fence, usage, delay_ms) or self._confirm_cancel(fence, usage)

    def _confirm_cancel(self, fence: Fence, usage: Usage) -> bool:
        return self._claims.confirm_cancel(fence, AttemptEnd(AttemptOutcome.CANCELED, usage=usage))

    def _failed(self, running: RunningJob, ended: AttemptEnd, retryable: bool) -> bool:
        """Retry or fail; a job that was to be canceled in the meantime is canceled."""
        retries = running.job.retry_count + 1
        if retryable and retries <= running.job.max_retries:
            moved = self._claims.retry(running.fence, ended, self._backoff_ms(retries))
        else:
            moved = self._claims.fail(running.fence, ended)
        return moved or self._claims.confirm_cancel(running.fence, ended)


def hold(running: RunningJob) -> Fence | PartFence:
    """What this runner holds of it; whose job a part is of, nobody may hold."""
    return running.part or running.fence


def log_settled(
    ended: Sequence[tuple[RunningJob, PoolOutcome]],
    moved: Sequence[bool],
    doubtful: Collection[Fence | PartFence],
) -> None:
    """Say how attempts ended, and which of them the store has refused, unless it may have stored
    them before."""
    for (running, outcome), is_moved in zip(ended, moved, strict=True):
        _log_end(running, outcome, is_moved or hold(running) in doubtful)


def _log_end(running: RunningJob, outcome: PoolOutcome, moved: bool) -> None:
    extra = {**running.names(), "outcome": outcome.kind, "seconds": round(outcome.seconds, 3)}
    if outcome.error_type:
        extra["error"] = f"{outcome.error_type}: {outcome.error_message}"
    log.info("job ended" if moved else "stale end of a job dropped", extra=extra)


def _is_plain(running: RunningJob, outcome: PoolOutcome) -> bool:
    """Whether it can be settled together with others."""
    return outcome.kind == "returned" and not running.told and not running.part


def _returned(running: RunningJob, outcome: PoolOutcome) -> AttemptEnd:
    return AttemptEnd(AttemptOutcome.RETURNED, usage=_usage(outcome), progress=running.progress)


def _usage(outcome: PoolOutcome) -> Usage:
    return Usage(outcome.cpu_seconds, outcome.peak_memory_bytes, outcome.pid)


def _error(outcome: PoolOutcome) -> Json | None:
    if outcome.error_type is None:
        return None
    return {"type": outcome.error_type, "message": outcome.error_message or ""}
