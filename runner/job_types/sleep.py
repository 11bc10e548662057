"""The job type `sleep`: waits. Imports nothing of ours but its base."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from runner.job_types.base import Context, JobType, Payload

MAX_SECONDS = 31_536_000
"""A year."""


class SleepPayload(Payload):
    """How long to sleep, in seconds; fractions are fine."""

    seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]


class Sleep(JobType[SleepPayload]):
    """Sleeps for `seconds` and returns {"slept": seconds}; reports about once a second."""

    name = "sleep"
    Payload = SleepPayload
    upload = "none"

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` and `sleep` are in seconds."""
        self._clock = clock
        self._sleep = sleep

    def run(self, payload: SleepPayload, context: Context) -> Any:
        """Sleep, second by second up to a deadline, so that nothing adds up to a drift."""
        total = payload.seconds
        started = self._clock()
        while (done := self._clock() - started) < total:
            context.report({"seconds_done": round(done, 3), "seconds_total": total})
            self._sleep(min(total - done, 1 - done % 1))
        # 5 stays 5 on the wire, and does not become 5.0.
        return {"slept": int(total) if total.is_integer() else total}
