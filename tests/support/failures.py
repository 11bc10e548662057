"""Jobs that have failed, for tests of failures."""

from typing import Any
from uuid import UUID

from tests.support.stores import RAISED, Bench, Holder


def fail(bench: Bench, runner: Holder, message: str, type: str = "sleep", **options: Any) -> UUID:
    """Store a job that has failed with a ValueError. Each fails a second after the one before."""
    job_id = bench.enqueue(type, **options)
    bench.clock.forward(1)
    fence = runner.claim_one()
    assert fence.job_id == job_id
    assert runner.claims.fail(fence, RAISED._replace(error_message=message))
    return job_id
