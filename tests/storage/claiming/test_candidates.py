"""The jobs that a runner claims in the transaction in which it settles others."""

import pytest

from storage.db.versions import select_newest_version
from storage.records.job import Job
from tests.support.claims_in_steps import completed
from tests.support.stores import RAISED, RETURNED, Bench, Holder


@pytest.fixture
def runner(bench: Bench) -> Holder:
    """A runner and 12 queued jobs in `a`."""
    assert bench.queues.put("a")
    for _ in range(12):
        bench.enqueue(queue="a", max_retries=3)
    return bench.runner()


def complete(runner: Holder, *jobs: Job) -> None:
    assert all(runner.claims.complete_each([(job.fence, "1", RETURNED) for job in jobs]))


def set_limit(bench: Bench, max_running: int) -> None:
    bench.queues.put("a", max_running=max_running)


def test_a_second_claim_in_a_transaction_claims_other_jobs(runner: Holder) -> None:
    jobs = runner.claims.claim(2)
    with runner.claims.transaction():
        complete(runner, *jobs)
        first, second = runner.claims.claim(2), runner.claims.claim(2)
    assert len({job.id for job in (*jobs, *first, *second)}) == 6
    assert len(runner.claims.held()) == 4


def test_a_claim_sees_the_jobs_that_its_transaction_has_settled(
    bench: Bench, runner: Holder
) -> None:
    first, second = runner.claims.claim(2)
    with runner.claims.transaction():
        complete(runner, first)
        runner.claims.retry(second.fence, RAISED, 0)
        assert second.id in [job.id for job in runner.claims.claim(12)]


def test_a_claim_fills_exactly_the_room_that_its_transaction_has_made(
    bench: Bench, runner: Holder
) -> None:
    jobs = runner.claims.claim(4)
    set_limit(bench, 3)
    with runner.claims.transaction():
        complete(runner, *jobs[:2])
        (job,) = runner.claims.claim(4)
    with runner.claims.transaction():
        complete(runner, job, jobs[2])
        assert len(runner.claims.claim(3)) == 2
    assert len(runner.claims.held()) == 3


def test_candidates_are_not_kept_for_the_next_transaction(bench: Bench, runner: Holder) -> None:
    jobs = runner.claims.claim(2)
    with runner.claims.transaction():
        complete(runner, *jobs)
    others = {job.id for job in bench.runner().claims.claim(2)}
    with runner.claims.transaction():
        assert not others & {job.id for job in runner.claims.claim(2)}


def test_a_claim_can_be_larger_or_smaller_than_the_previous_one(runner: Holder) -> None:
    jobs = runner.claims.claim(2)
    for count in (5, 1, 2):
        with runner.claims.transaction():
            complete(runner, *jobs)
            jobs = runner.claims.claim(count)
        assert len(jobs) == count
        assert jobs == sorted(jobs, key=lambda job: (job.run_at, job.id))


def test_a_claim_that_finds_nothing_writes_nothing_and_tells_when_a_job_is_due(
    bench: Bench,
) -> None:
    runner, due_at = bench.runner(), bench.clock() + 5000
    bench.enqueue(run_at=due_at)
    before = bench.store.database.rows(select_newest_version())
    claimed = runner.claims.settle_and_claim(limit=3)
    assert (len(claimed.jobs), claimed.next_run_at, claimed.topics) == (0, due_at, [])
    assert bench.store.database.rows(select_newest_version()) == before


def test_a_claim_uses_the_room_of_a_job_that_it_settles(bench: Bench, runner: Holder) -> None:
    set_limit(bench, 1)
    (job,) = runner.claims.claim(3)
    claimed = runner.claims.settle_and_claim([completed(job.fence)], limit=3)
    assert (claimed.accepted, len(claimed.jobs)) == ([True], 1)
