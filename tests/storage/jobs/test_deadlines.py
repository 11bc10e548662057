"""A job that is not final at its deadline is recorded once: in the job, by an event and a count."""

from collections.abc import Callable

import pytest

from storage.db.models import CounterRow
from storage.jobs import deadlines
from storage.jobs.deadlines import record_missed
from storage.jobs.events import Events
from tests.storage.queries.test_query_plans import Plans
from tests.support.stores import RAISED, RETURNED, Bench

Sweep = Callable[[], bool]


@pytest.fixture
def sweep(bench: Bench) -> Sweep:
    store = bench.store
    return lambda: record_missed(store.database, store.wakeup, bench.clock())


def missed_count(bench: Bench) -> int:
    query = CounterRow.select(CounterRow.value).where(CounterRow.name == "deadline_missed")
    return sum(row["value"] for row in bench.store.database.rows(query))


def test_jobs_that_are_not_final_in_time_are_recorded_once(bench: Bench, sweep: Sweep) -> None:
    deadline = bench.clock() + 5000
    queued, running = (bench.enqueue(finish_by=deadline) for _ in range(2))
    bench.runner().claims.claim(1)
    others = [bench.enqueue(), bench.enqueue(finish_by=deadline + 60_000)]
    bench.clock.forward(5)
    sweep()
    assert missed_count(bench) == 0  # they may still end at this moment
    bench.clock.forward(1)
    for _ in range(2):
        sweep()
    assert missed_count(bench) == 2
    for job_id in (queued, running):
        assert bench.job(job_id).missed_at == deadline + 1000
    assert [bench.job(job_id).missed_at for job_id in others] == [None, None]


def test_a_job_that_ends_in_time_has_missed_nothing(bench: Bench, sweep: Sweep) -> None:
    runner, deadline = bench.runner(), bench.clock() + 5000
    ended, failed = (bench.enqueue(finish_by=deadline, max_retries=0) for _ in range(2))
    canceled = bench.enqueue(finish_by=deadline, delay=60)
    bench.clock.forward(5)
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    runner.claims.fail(runner.claim_one(), RAISED)
    bench.jobs.cancel(canceled)
    bench.clock.forward(60)
    sweep()
    assert [bench.job(each).missed_at for each in (ended, failed, canceled)] == [None] * 3


def test_a_job_that_ended_too_late_is_found_afterwards(bench: Bench, sweep: Sweep) -> None:
    runner, job_id = bench.runner(), bench.enqueue(finish_by=bench.clock() + 5000)
    fence = runner.claim_one()
    bench.clock.forward(5.5)
    runner.claims.complete(fence, "1", RETURNED)
    sweep()
    job = bench.job(job_id)
    assert (job.status, job.missed_at, missed_count(bench)) == ("succeeded", bench.clock(), 1)


def test_the_event_is_kept_when_progress_follows(bench: Bench, sweep: Sweep) -> None:
    runner, deadline = bench.runner(), bench.clock() + 5000
    job_id = bench.enqueue(finish_by=deadline)
    fence = runner.claim_one()
    runner.claims.progress(fence, '{"done": 1}')
    bench.clock.forward(6)
    sweep()
    for done in (2, 3):
        runner.claims.progress(fence, f'{{"done": {done}}}')
    events = Events(bench.store.database)
    found = events.of_job(job_id, 0)
    kinds = [(each.is_missed, each.is_progress, each.status) for each in found]
    assert kinds == [
        (False, False, "queued"),
        (False, False, "running"),
        (True, False, "running"),
        (False, True, "running"),
    ]
    assert found[2].finish_by == deadline
    assert [each.version for each in events.after(0)] == [each.version for each in found]
    runner.claims.complete(fence, "1", RETURNED)
    assert [each.is_missed for each in events.of_job(job_id, 0)] == [False, False, True, False]


def test_a_retry_by_a_client_takes_the_deadline_away(bench: Bench, sweep: Sweep) -> None:
    job_id = bench.enqueue(finish_by=bench.clock() + 5000)
    bench.clock.forward(6)
    sweep()
    bench.jobs.cancel(job_id)
    bench.jobs.retry(job_id)
    job = bench.job(job_id)
    assert (job.finish_by, job.missed_at) == (None, None)


def test_many_jobs_are_recorded_in_batches(
    bench: Bench, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "BATCH", 2)
    for _ in range(3):
        bench.enqueue(finish_by=bench.clock() + 5000)
    bench.clock.forward(6)
    assert [sweep(), sweep(), missed_count(bench)] == [True, False, 3]


def test_they_are_found_by_the_index(bench: Bench, sweep: Sweep) -> None:
    if bench.store.database.postgresql:
        pytest.skip("plans of PostgreSQL depend on statistics")
    bench.enqueue(finish_by=bench.clock() + 5000)
    plans = Plans(bench)
    sweep()
    (plan,) = (plan for text, plan in plans.found().items() if "missed_at IS NULL" in text)
    assert "USING INDEX job_finish_by" in plan
