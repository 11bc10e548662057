"""How the outcome of an attempt changes its job."""

from collections.abc import Callable

import pytest

from runner.supervisor.backoff import backoff_ms
from runner.supervisor.running_job import RunningJob
from runner.supervisor.running_jobs import settlement
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Job
from tests.support.stores import Bench, Holder

RAISED = AttemptOutcome("raised", error_type="ValueError", error_message="no")
LOST = AttemptOutcome("lost", error_type="Lost", error_message="it was killed")


def settle(
    runner: Holder,
    job: Job,
    outcome: AttemptOutcome,
    backoff_ms: Callable[[int], int] = backoff_ms,
) -> None:
    """Settle an attempt as the supervisor does."""
    ended = settlement(RunningJob(job), outcome, backoff_ms)
    assert runner.claims.settle_and_claim([ended]).accepted == [True]


@pytest.mark.parametrize("max_retries", [0, 1])
def test_a_job_that_fails_after_a_cancel_request_is_canceled(
    bench: Bench, max_retries: int
) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=max_retries)
    (job,) = runner.claims.claim(1)
    bench.jobs.cancel(job.id)
    settle(runner, job, RAISED)
    assert bench.job(job.id).status == "canceled"


def test_a_job_that_returns_after_a_cancel_request_has_succeeded(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue()
    (job,) = runner.claims.claim(1)
    bench.jobs.cancel(job.id)
    settle(runner, job, AttemptOutcome("returned", result="1"))
    assert bench.job(job.id).status == "succeeded"


def test_a_job_waits_before_a_retry_as_its_backoff_says(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=2, max_losses=1, backoff=[7, 0.5])
    for seconds in (7, 0.5):
        (job,) = runner.claims.claim(1)
        settle(runner, job, RAISED)
        assert bench.job(job.id).run_at == bench.clock.now + 1000 * seconds
        bench.clock.forward(seconds)
    (job,) = runner.claims.claim(1)
    settle(runner, job, LOST, lambda losses: 3000)
    assert bench.job(job.id).run_at == bench.clock.now + 3000, "a loss has the usual wait"


def test_a_job_that_lost_its_keeper_uses_a_loss_and_no_retry(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=0, max_losses=1)
    (job,) = runner.claims.claim(1)
    settle(runner, job, LOST, lambda losses: 1000 * losses)
    queued = bench.job(job.id)
    assert (queued.status, queued.retry_count, queued.loss_count) == ("queued", 0, 1)
    assert queued.run_at == bench.clock.now + 1000
    bench.clock.forward(2)
    (job,) = runner.claims.claim(1)
    settle(runner, job, LOST)
    failed = bench.job(job.id)
    assert (failed.status, failed.loss_count) == ("failed", 2)
    assert failed.error == {
        "type": "Lost",
        "message": "the job has lost its worker 2 times, more often than its max_losses of 1 "
        "allows; the last time: it was killed",
    }


@pytest.mark.parametrize("max_losses", [0, 1])
def test_a_job_that_lost_its_keeper_after_a_cancel_request_is_canceled(
    bench: Bench, max_losses: int
) -> None:
    runner = bench.runner()
    bench.enqueue(max_losses=max_losses)
    (job,) = runner.claims.claim(1)
    bench.jobs.cancel(job.id)
    settle(runner, job, LOST)
    assert bench.job(job.id).status == "canceled"


def test_an_error_uses_a_retry_as_long_as_there_is_one(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=1)
    (job,) = runner.claims.claim(1)
    settle(runner, job, RAISED, lambda retries: 1000 * retries)
    queued = bench.job(job.id)
    assert (queued.status, queued.retry_count, queued.loss_count) == ("queued", 1, 0)
    assert queued.run_at == bench.clock.now + 1000
    bench.clock.forward(1)
    (job,) = runner.claims.claim(1)
    settle(runner, job, RAISED)
    assert bench.job(job.id).status == "failed"


def test_a_job_lost_through_no_fault_of_its_own_is_released_with_a_delay(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue(max_retries=0)
    (job,) = runner.claims.claim(1)
    settle(runner, job, AttemptOutcome("lost", not_at_fault=True))
    released = bench.job(job.id)
    assert (released.status, released.retry_count) == ("queued", 0)
    assert released.run_at == bench.clock.now + 1000
