"""What becomes of a job by how its attempt ended."""

import pytest

from runner.pool.protocol.outcome import CallOutcome
from runner.supervisor.running_jobs import RunningJob
from runner.supervisor.settle import Settler
from tests.support.stores import Bench

RAISED = CallOutcome("raised", error_type="ValueError", error_message="no")


@pytest.mark.parametrize("max_retries", [0, 1])
def test_a_job_that_was_to_be_canceled_is_canceled_by_its_own_error(
    bench: Bench, max_retries: int
) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=max_retries)
    (job,) = runner.claims.claim(1)
    bench.jobs.cancel(job.id)
    assert Settler(runner.claims).settle(RunningJob(job), RAISED)
    assert bench.job(job.id).status == "canceled"


def test_a_job_that_has_returned_before_it_could_be_canceled_has_succeeded(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue()
    (job,) = runner.claims.claim(1)
    bench.jobs.cancel(job.id)
    assert Settler(runner.claims).settle(RunningJob(job), CallOutcome("returned", result="1"))
    assert bench.job(job.id).status == "succeeded"


def test_a_neighbour_of_a_lost_call_is_tried_again_a_little_later_at_no_cost(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=0)
    (job,) = runner.claims.claim(1)
    assert Settler(runner.claims).settle(RunningJob(job), CallOutcome("lost", not_at_fault=True))
    released = bench.job(job.id)
    assert (released.status, released.retry_count) == ("queued", 0)
    assert released.run_at == bench.clock.now + 1000
