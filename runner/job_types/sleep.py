"""The job type `sleep`: waits, and reports progress meanwhile."""

import time
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from runner.job_types.base import Context, JobType, Payload
from runner.job_types.json_values import JsonValue

MAX_SECONDS = 31_536_000
"""One year."""


class SleepPayload(Payload):
    """How long to sleep."""

    seconds: Annotated[
        float,
        Field(
            ge=0,
            le=MAX_SECONDS,
            allow_inf_nan=False,
            description="How long to sleep, in seconds; fractions are allowed.",
            examples=[5],
        ),
    ]


class Sleep(JobType[SleepPayload]):
    """Sleeps for `seconds`, reports about once a second, and returns {"slept": seconds}."""

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

    def run(self, payload: SleepPayload, context: Context) -> JsonValue:
        """Sleep in steps of a second, measured from the start so that errors do not add up."""
        total = payload.seconds
        started = self._clock()
        while (done := self._clock() - started) < total:
            context.report({"seconds_done": round(done, 3), "seconds_total": total})
            self._sleep(min(total - done, 1 - done % 1))
        # A whole number stays one in JSON: 5, not 5.0.
        return {"slept": int(total) if total.is_integer() else total}
