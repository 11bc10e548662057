"""A job that is done in parts, while its runner waits for them. See `split_jobs`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.pool.protocol.outcome import CallOutcome
from runner.supervisor.running_jobs import RunningJob
from storage.records.job import Json


@dataclass
class SplitState:
    """A job that is planned. `began` is by the monotonic clock in seconds."""

    running: RunningJob
    parts: Sequence[tuple[str, str]]
    """Spec and progress of each."""
    began: float
    made: bool = False
    outcome: CallOutcome | None = None
    """What its end will be, once no part of it runs."""
    folding: bool = False
    folded: list[str] = field(default_factory=list)
    """The result of all parts before `first`, if there is one."""
    first: int = 0
    cpu_seconds: float = 0.0
    """Of its own calls."""
    told: str = ""
    told_at: float = 0.0

    @property
    def left(self) -> float | None:
        """Seconds until its timeout, None without one."""
        timeout = self.running.job.timeout
        return None if timeout is None else self.began + timeout - time.monotonic()


def added(told: Sequence[Json]) -> Json:
    """What parts have told of their progress, with the numbers of each name added up."""
    total: dict[str, Any] = {}
    for name in dict.fromkeys(name for each in told for name in each):
        values = [each[name] for each in told if name in each]
        if all(isinstance(value, dict) for value in values):
            total[name] = added(values)
        elif all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
            total[name] = sum(values)
    return total


def as_of_part(error: Json) -> CallOutcome:
    """What the failure of a part is for its job."""
    return CallOutcome(
        error["outcome"],
        error_type=error["type"],
        error_message=error["message"],
        retryable=error["retryable"],
    )
