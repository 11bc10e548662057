"""From how an attempt ended in the pool to what becomes of its job."""

import random
from collections.abc import Callable

from runner import retry
from runner.outcome import Outcome as PoolOutcome
from runner.roster import Kill, Running
from storage.claims import Claims
from storage.job import Ended, Fence, Json, Outcome, Usage

_OUTCOMES = {
    "returned": Outcome.RETURNED,
    "raised": Outcome.RAISED,
    "timed_out": Outcome.TIMED_OUT,
    "crashed": Outcome.CRASHED,
    "lost": Outcome.LOST,
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

    def settle(self, running: Running, outcome: PoolOutcome) -> bool:
        """Move the job on; False if the store refused, since this runner holds it no more."""
        usage = Usage(outcome.cpu_seconds, outcome.peak_memory_bytes)
        if outcome.kind == "killed" or (outcome.kind == "lost" and running.kill):
            return self._killed(running, usage)
        if outcome.kind == "lost" and outcome.innocent:
            # Not at once: the system may be short of what a job process needs.
            return self._release(running.fence, usage, LOST_DELAY_MS)
        ended = Ended(_OUTCOMES[outcome.kind], _error(outcome), usage, running.progress)
        if outcome.kind == "returned":
            return self._claims.complete(running.fence, outcome.result or "null", ended)
        return self._failed(running, ended, outcome.retryable)

    def _killed(self, running: Running, usage: Usage) -> bool:
        if running.kill is Kill.RELEASE:
            return self._release(running.fence, usage)
        return running.kill is Kill.CANCEL and self._confirm_cancel(running.fence, usage)

    def _release(self, fence: Fence, usage: Usage, delay_ms: int = 0) -> bool:
        return self._claims.release(fence, delay_ms) or self._confirm_cancel(fence, usage)

    def _confirm_cancel(self, fence: Fence, usage: Usage) -> bool:
        return self._claims.confirm_cancel(fence, Ended(Outcome.CANCELED, usage=usage))

    def _failed(self, running: Running, ended: Ended, retryable: bool) -> bool:
        """Retry or fail; a job that was to be canceled in the meantime is canceled."""
        retries = running.job.retry_count + 1
        if retryable and retries <= running.job.max_retries:
            moved = self._claims.retry(running.fence, ended, self._backoff_ms(retries))
        else:
            moved = self._claims.fail(running.fence, ended)
        return moved or self._claims.confirm_cancel(running.fence, ended)


def _error(outcome: PoolOutcome) -> Json | None:
    if outcome.error_type is None:
        return None
    return {"type": outcome.error_type, "message": outcome.error_message or ""}
