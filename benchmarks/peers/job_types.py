"""A job type of ours that occupies its slot until it is canceled."""

from typing import Any

from benchmarks.peers.apps.holding import run_hold
from runner.job_types.base import Context, JobType, Payload


class HoldPayload(Payload):
    """The file to which the job writes its pid."""

    path: str


class Hold(JobType[HoldPayload]):
    """Sleeps until it is canceled."""

    name = "hold"
    Payload = HoldPayload
    upload = "none"

    def run(self, payload: HoldPayload, context: Context) -> Any:
        run_hold(payload.path)
