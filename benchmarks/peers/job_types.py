"""A job of ours that holds its slot until it is canceled."""

from typing import Any

from benchmarks.peers.apps.holding import run_hold
from runner.job_types.base import Context, JobType, Payload


class HoldPayload(Payload):
    """The file that gets the job's pid."""

    path: str


class Hold(JobType[HoldPayload]):
    """Stays."""

    name = "hold"
    Payload = HoldPayload
    upload = "none"

    def run(self, payload: HoldPayload, context: Context) -> Any:
        run_hold(payload.path)
