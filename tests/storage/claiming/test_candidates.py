"""What a runner claims in the turn in which it settles."""

import pytest

from storage.records.job import Job
from tests.support.stores import RAISED, RETURNED, Bench, Holder


@pytest.fixture
def runner(bench: Bench) -> Holder:
    """One that has claimed from `a` before, 2 at a time, while 10 more wait there."""
    assert bench.queues.put("a")
    for _ in range(12):
        bench.enqueue(queue="a", max_retries=3)
    return bench.runner()


def complete(runner: Holder, *jobs: Job) -> None:
    assert all(runner.claims.complete_each([(job.fence, "1", RETURNED) for job in jobs]))


def limit(bench: Bench, most: int) -> None:
    bench.queues.put("a", max_running=most)


def test_a_second_claim_in_a_turn_takes_other_jobs(runner: Holder) -> None:
    jobs = runner.claims.claim(2)
    with runner.claims.transaction():
        complete(runner, *jobs)
        first, second = runner.claims.claim(2), runner.claims.claim(2)
    assert len({job.id for job in (*jobs, *first, *second)}) == 6
    assert len(runner.claims.held()) == 4


def test_a_claim_knows_of_all_that_its_turn_has_settled(bench: Bench, runner: Holder) -> None:
    first, second = runner.claims.claim(2)
    with runner.claims.transaction():
        complete(runner, first)
        runner.claims.retry(second.fence, RAISED, 0)
        assert second.id in [job.id for job in runner.claims.claim(12)]


def test_room_that_a_turn_has_made_is_filled_by_it_and_no_more(
    bench: Bench, runner: Holder
) -> None:
    jobs = runner.claims.claim(4)
    limit(bench, 3)
    with runner.claims.transaction():
        complete(runner, *jobs[:2])
        (job,) = runner.claims.claim(4)
    with runner.claims.transaction():
        complete(runner, job, jobs[2])
        assert len(runner.claims.claim(3)) == 2
    assert len(runner.claims.held()) == 3


def test_what_a_turn_has_seen_is_nothing_to_the_next(bench: Bench, runner: Holder) -> None:
    jobs = runner.claims.claim(2)
    with runner.claims.transaction():
        complete(runner, *jobs)
    others = {job.id for job in bench.runner().claims.claim(2)}
    with runner.claims.transaction():
        assert not others & {job.id for job in runner.claims.claim(2)}


def test_a_turn_that_claims_more_or_fewer_than_the_last_gets_them(runner: Holder) -> None:
    jobs = runner.claims.claim(2)
    for count in (5, 1, 2):
        with runner.claims.transaction():
            complete(runner, *jobs)
            jobs = runner.claims.claim(count)
        assert len(jobs) == count
        assert jobs == sorted(jobs, key=lambda job: (job.run_at, job.id))
