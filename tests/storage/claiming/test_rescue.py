"""Jobs of dead runners are settled once the death is proved, and never before."""

import os
import select
import time
from typing import Any

import pytest

from runner.pool.protocol.shared_memory import steady_now
from storage.liveness.liveness import FileLiveness, LeaseLiveness
from tests.support.stores import RAISED, RETURNED, Bench, die


def test_the_job_of_a_dead_runner_is_queued_again_with_backoff(bench: Bench) -> None:
    job_id = bench.enqueue()
    dead, alive = bench.runner(), bench.runner()
    dead.claim_one()
    die(bench, dead)
    assert alive.rescuer.rescue() == 1
    job = bench.job(job_id)
    wait = max(0, 1000 - alive.liveness.min_dead_ms)
    assert (job.status, job.run_at) == ("queued", bench.clock() + wait)
    assert (job.retry_count, job.loss_count) == (0, 1)
    assert job.error is not None
    assert job.error["type"] == "Lost"
    assert [attempt.outcome for attempt in job.attempts] == ["lost"]
    assert alive.rescuer.rescue() == 0


def test_a_backoff_starts_when_the_jobs_of_a_lost_lease_were_dead(bench: Bench) -> None:
    job_id, alive = bench.enqueue(max_losses=12), bench.runner()
    rested = 10_000 if bench.store.database.postgresql else 0  # a third of 30 s, the bench's lease
    for losses in range(1, 13):
        dead = bench.runner()
        dead.claim_one()
        die(bench, dead)
        assert alive.rescuer.rescue() == 1
        assert bench.job(job_id).run_at == bench.clock() + max(0, 1000 * losses - rested)
        bench.clock.forward(60)


def test_the_job_of_a_living_runner_is_not_rescued_whatever_the_clock_says(bench: Bench) -> None:
    job_id = bench.enqueue()
    holder, other = bench.runner(), bench.runner()
    holder.claim_one()
    bench.clock.forward(3600)
    assert other.rescuer.rescue() == 0
    assert bench.job(job_id).status == "running"


def lose(bench: Bench, times: int) -> None:
    """Let the runners of the only job die this many times."""
    alive = bench.runner()
    for _ in range(times):
        dead = bench.runner()
        dead.claim_one()
        die(bench, dead)
        assert alive.rescuer.rescue() == 1
        bench.clock.forward(60)


@pytest.mark.parametrize(
    ("max_losses", "how_often"), [(0, "once"), (2, "3 times"), (None, "11 times")]
)
def test_a_job_that_loses_its_worker_too_often_is_abandoned(
    bench: Bench, max_losses: int | None, how_often: str
) -> None:
    given: dict[str, Any] = {} if max_losses is None else {"max_losses": max_losses}
    job_id = bench.enqueue(max_retries=100, **given)
    allowed = 10 if max_losses is None else max_losses
    lose(bench, allowed)
    assert (bench.job(job_id).status, bench.job(job_id).loss_count) == ("queued", allowed)
    lose(bench, 1)
    job = bench.job(job_id)
    assert (job.status, job.retry_count, job.loss_count) == ("failed", 0, allowed + 1)
    assert job.error == job.attempts[-1].error
    assert job.error is not None
    assert job.error["type"] == "Lost"
    assert f"the job has lost its worker {how_often}" in job.error["message"]


def test_losses_use_no_retry_and_retries_no_loss(bench: Bench) -> None:
    job_id = bench.enqueue(max_retries=1, max_losses=1)
    lose(bench, 1)
    runner = bench.runner()
    assert runner.claims.retry(runner.claim_one(), RAISED, 0)
    job = bench.job(job_id)
    assert (job.status, job.retry_count, job.loss_count) == ("queued", 1, 1)


def test_a_retry_by_a_client_allows_all_losses_again(bench: Bench) -> None:
    job_id = bench.enqueue(max_losses=1)
    lose(bench, 2)
    assert bench.job(job_id).status == "failed"
    assert bench.jobs.retry(job_id)[0]
    assert bench.job(job_id).loss_count == 0
    lose(bench, 1)
    assert bench.job(job_id).status == "queued"


def test_a_rescue_cancels_a_job_whose_cancel_was_requested(bench: Bench) -> None:
    job_id = bench.enqueue()
    dead, alive = bench.runner(), bench.runner()
    dead.claim_one()
    bench.jobs.cancel(job_id)
    die(bench, dead)
    alive.rescuer.rescue()
    assert bench.job(job_id).status == "canceled"


def test_changes_by_a_runner_taken_for_dead_are_refused(bench: Bench) -> None:
    bench.enqueue()
    dead, alive = bench.runner(), bench.runner()
    fence = dead.claim_one()
    die(bench, dead)
    alive.rescuer.rescue()
    bench.clock.forward(5)
    assert not dead.claims.complete(fence, "1", RETURNED)
    assert dead.claims.claim(1) == []


def test_a_job_whose_holder_is_not_registered_is_rescued(bench: Bench) -> None:
    bench.enqueue()
    gone, alive = bench.runner(), bench.runner()
    gone.claim_one()
    gone.claims.deregister()
    die(bench, gone)
    assert alive.rescuer.rescue() == 1


def test_a_runner_lock_is_held_while_any_process_has_its_descriptor(bench: Bench) -> None:
    holder, other = bench.runner(), bench.runner()
    if not isinstance(holder.liveness, FileLiveness):
        pytest.skip("only where liveness is an flock")
    copy = os.dup(holder.liveness.descriptors[0])
    die(bench, holder)
    assert not other.liveness.is_dead(holder.liveness.name)
    os.close(copy)
    assert other.liveness.is_dead(holder.liveness.name)


def test_a_death_is_reported_once(bench: Bench) -> None:
    dead, alive = bench.runner(), bench.runner()
    if not isinstance(alive.liveness, FileLiveness):
        pytest.skip("a lease that has ended is seen by the queries of the rescue")
    assert not alive.liveness.runner_may_have_died()
    die(bench, dead)
    assert select.select([alive.liveness], [], [], 10)[0]
    assert [alive.liveness.runner_may_have_died() for _ in range(2)] == [True, False]
    alive.rescuer.rescue()
    assert not select.select([alive.liveness], [], [], 0)[0]


@pytest.mark.heavy
def test_a_lease_is_safe_only_if_it_was_renewed_in_time(bench: Bench) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("only where liveness is a lease")
    lease = 4.0  # a busy machine may stand still for two of them
    liveness = LeaseLiveness(bench.store.database, lease)
    liveness.register(1, 0)
    other = bench.runner().liveness
    deadline = time.monotonic() + lease + 1
    while time.monotonic() < deadline:
        liveness.renew()
        assert not other.is_dead(liveness.name)
        assert steady_now() < liveness.safe_until()
    while not other.is_dead(liveness.name):
        assert time.monotonic() < deadline + lease + 5
    assert steady_now() > liveness.safe_until()
    liveness.renew()
    assert other.is_dead(liveness.name)
