"""A job type for the benchmark of kills, which runs functions of the pool's tests."""

import json
from pathlib import Path
from typing import Any

from runner.job_types.base import Context, JobType, Payload
from tests.support.pool import calls


class ActPayload(Payload):
    """A function of tests/support/pool/calls.py, its arguments, and the file for its pids."""

    do: str
    arguments: dict[str, Any]
    pids: str


class Act(JobType[ActPayload]):
    """Runs a function, which reports the pids of its processes once all of them exist."""

    name = "act"
    Payload = ActPayload
    upload = "none"

    def run(self, payload: ActPayload, context: Context) -> Any:
        def write_pids(pids: str) -> None:
            ready = Path(f"{payload.pids}.new")
            ready.write_text(json.dumps(json.loads(pids)))
            ready.rename(payload.pids)

        return getattr(calls, payload.do)(write_pids, **payload.arguments)
