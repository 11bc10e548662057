"""How the outcome of an attempt changes its job."""

import pytest

from runner.pool.protocol.outcome import CallOutcome
from runner.supervisor.running_jobs import RunningJob
from runner.supervisor.settle import Settler
from tests.support.stores import Bench

RAISED = CallOutcome("raised", error_type="ValueError", error_message="no")


@pytest.mark.parametrize("max_retries", [0, 1])
def test_a_job_that_fails_after_a_cancel_request_is_canceled(
    bench: Bench, max_retries: int
) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=max_retries)
    (job,) = runner.claims.claim(1)
    bench.jobs.cancel(job.id)
    assert Settler(runner.claims).settle(RunningJob(job), RAISED)
    assert bench.job(job.id).status == "canceled"


def test_a_job_that_returns_after_a_cancel_request_has_succeeded(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue()
    (job,) = runner.claims.claim(1)
    bench.jobs.cancel(job.id)
    assert Settler(runner.claims).settle(RunningJob(job), CallOutcome("returned", result="1"))
    assert bench.job(job.id).status == "succeeded"


def test_a_job_lost_through_no_fault_of_its_own_is_released_with_a_delay(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=0)
    (job,) = runner.claims.claim(1)
    assert Settler(runner.claims).settle(RunningJob(job), CallOutcome("lost", not_at_fault=True))
    released = bench.job(job.id)
    assert (released.status, released.retry_count) == ("queued", 0)
    assert released.run_at == bench.clock.now + 1000
