"""A job type that does what the tests of the pool do, for the benchmark of kills."""

import json
from pathlib import Path
from typing import Any

from runner.job_types.base import Context, JobType, Payload
from tests.support.pool import calls


class ActPayload(Payload):
    """A function of tests/support/pool/calls.py, its arguments, and where it tells its processes."""

    do: str
    arguments: dict[str, Any]
    pids: str


class Act(JobType[ActPayload]):
    """Runs a function that tells the ids of its processes once all of them are there."""

    name = "act"
    Payload = ActPayload
    upload = "none"

    def run(self, payload: ActPayload, context: Context) -> Any:
        def tell(pids: str) -> None:
            ready = Path(f"{payload.pids}.new")
            ready.write_text(json.dumps(json.loads(pids)))
            ready.rename(payload.pids)

        return getattr(calls, payload.do)(tell, **payload.arguments)
