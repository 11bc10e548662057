"""A job never starts before the jobs that it waits for have ended."""

from uuid import UUID

import pytest

from storage.db.models import DependencyRow
from storage.jobs.retention import delete_job
from storage.queries.explain import explain
from storage.records.ids import new_id
from storage.records.job import NewJob
from storage.store import MissingPredecessors
from storage.waiting import ended
from storage.waiting.reactions import react_to_ended
from tests.support.held_jobs import outbox
from tests.support.stores import RAISED, RETURNED, Bench, Holder


def react(bench: Bench) -> int:
    """Let all reactions act; return how many transactions that took."""
    store, count = bench.store, 1
    while react_to_ended(store.database, store.wakeup, bench.clock):
        count += 1
    return count


def run_all(bench: Bench, runner: Holder) -> list[UUID]:
    """Run jobs until none is due; return their ids in the order in which they ran."""
    ran = []
    while jobs := runner.claims.claim(3):
        for job in jobs:
            runner.claims.complete(job.fence, "1", RETURNED)
            ran.append(job.id)
        react(bench)
    return ran


def left(bench: Bench) -> int:
    """How many rows of predecessors are left."""
    return len(bench.store.database.rows(DependencyRow.select()))


def test_a_job_starts_after_its_predecessors(bench: Bench) -> None:
    runner = bench.runner()
    first, second = bench.enqueue(), bench.enqueue()
    last = bench.enqueue(after=(first, second), priority=9)
    job = bench.job(last)
    assert (job.held, job.after, job.on_failure) == (True, (first, second), "cancel")
    assert run_all(bench, runner) == [first, second, last]
    assert bench.job(last).after == (first, second)
    assert (left(bench), outbox(bench)) == (0, [])


def test_a_job_can_wait_for_a_running_job(bench: Bench) -> None:
    first, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    last = bench.enqueue(after=(first,))
    assert runner.claims.claim(1) == []
    runner.claims.retry(fence, RAISED, 0)
    react(bench)
    assert bench.job(last).held
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    react(bench)
    assert runner.claim_one().job_id == last


@pytest.mark.parametrize("is_canceled", [False, True])
def test_a_job_is_canceled_with_its_predecessor(bench: Bench, is_canceled: bool) -> None:
    first, other = bench.enqueue(), bench.enqueue(priority=-1)
    middle = bench.enqueue(after=(other, first))
    last = bench.enqueue(after=(middle,), on_failure="cancel")
    if is_canceled:
        bench.jobs.cancel(first, "ann")
    else:
        runner = bench.runner()
        runner.claims.fail(runner.claim_one(), RAISED)
    react(bench)
    job = bench.job(middle)
    verb = "was canceled" if is_canceled else "failed"
    message = f"the job {first} {verb}, and this one waited for its success"
    assert (job.status, job.attempt, job.canceled_by) == ("canceled", 0, None)
    assert job.error == {"type": "PredecessorFailed", "message": message}
    assert str(middle) in str(bench.job(last).error)
    assert (left(bench), bench.job(other).status) == (0, "queued")


def test_a_job_can_run_whatever_its_predecessors_did(bench: Bench) -> None:
    first, second, runner = bench.enqueue(), bench.enqueue(), bench.runner()
    last = bench.enqueue(after=(first, second), on_failure="run")
    bench.jobs.cancel(first)
    react(bench)
    assert bench.job(last).held
    runner.claims.fail(runner.claim_one(), RAISED)
    react(bench)
    assert bench.job(last).on_failure == "run"
    assert runner.claim_one().job_id == last


def test_predecessors_that_have_ended_count_as_ended(bench: Bench) -> None:
    good, bad, runner = bench.enqueue(), bench.enqueue(priority=-1), bench.runner()
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    bench.jobs.cancel(bad)
    after_good, in_any_case = (
        bench.enqueue(after=(good,)),
        bench.enqueue(after=(good, bad), on_failure="run"),
    )
    after_both = bench.enqueue(after=(good, bad))
    assert [job.id for job in runner.claims.claim(5)] == [after_good, in_any_case]
    job = bench.job(after_both)
    assert job.error
    assert (job.status, job.error["type"]) == ("canceled", "PredecessorFailed")
    assert (left(bench), outbox(bench)) == (0, [])


def test_a_job_does_not_wait_for_what_does_not_exist(bench: Bench) -> None:
    first, unknown = bench.enqueue(), new_id(None)
    wrong = NewJob("sleep", {}, after=(first, unknown))
    right = NewJob("sleep", {}, after=(first,))
    refused, stored = bench.jobs.enqueue([wrong, right])
    assert (refused, stored) == (MissingPredecessors((unknown,)), right.id)
    assert bench.jobs.get(wrong.id) is None
    assert left(bench) == 1


def test_a_deleted_predecessor_counts_by_its_last_status(bench: Bench) -> None:
    first = bench.enqueue()
    last, other = bench.enqueue(after=(first,)), bench.enqueue(after=(first,), on_failure="run")
    runner = bench.runner()
    runner.claims.fail(runner.claim_one(), RAISED)
    delete_job(bench.store.database, first)
    react(bench)
    assert bench.job(last).status == "canceled"
    assert runner.claim_one().job_id == other
    assert outbox(bench) == []


def test_a_waiting_job_that_is_deleted_leaves_nothing_behind(bench: Bench) -> None:
    first = bench.enqueue()
    last = bench.enqueue(after=(first,))
    bench.jobs.cancel(last)
    delete_job(bench.store.database, last)
    assert left(bench) == 0
    bench.jobs.cancel(first)
    react(bench)
    assert outbox(bench) == []


def test_a_predecessor_that_a_client_retries_counts_by_its_next_end(bench: Bench) -> None:
    first = bench.enqueue()
    runner = bench.runner()
    before = bench.enqueue(after=(first,))
    runner.claims.fail(runner.claim_one(), RAISED)
    bench.jobs.retry(first)
    last = bench.enqueue(after=(first,), on_failure="run")
    react(bench)
    assert [bench.job(job_id).held for job_id in (before, last)] == [True, True]
    assert run_all(bench, runner) == [first, before, last]


def test_a_job_waits_for_its_own_time_too(bench: Bench) -> None:
    first, runner = bench.enqueue(), bench.runner()
    last = bench.enqueue(after=(first,), delay=60)
    assert run_all(bench, runner) == [first]
    bench.clock.forward(60)
    assert run_all(bench, runner) == [last]


def test_the_explanation_names_the_predecessors(bench: Bench) -> None:
    first, second = bench.enqueue(), bench.enqueue()
    last = bench.enqueue(after=(second, first))
    store = bench.store
    bench.jobs.cancel(first)
    found = explain(
        store.database, bench.clock, store.runners_folder, bench.enqueue(after=(second,))
    )
    assert found
    (wait,) = found.waits
    assert (list(wait.jobs), wait.count) == ([second], 1)
    assert bench.job(last).status == "canceled"


def chain(bench: Bench, length: int) -> list[UUID]:
    """Jobs that each wait for the one before."""
    ids = [bench.enqueue()]
    with bench.store.database.transaction():
        for number in range(length - 1):
            ids.append(bench.enqueue(after=(ids[-1],), priority=number % 3))
    return ids


@pytest.mark.heavy
@pytest.mark.timeout(300)
def test_a_chain_runs_in_its_order(bench: Bench) -> None:
    ids = chain(bench, 1000)
    assert run_all(bench, bench.runner()) == ids


@pytest.mark.heavy
@pytest.mark.timeout(300)
def test_a_chain_is_canceled_whole(bench: Bench) -> None:
    ids = chain(bench, 1000)
    bench.jobs.cancel(ids[0])
    react(bench)
    assert {bench.job(job_id).status for job_id in ids} == {"canceled"}


@pytest.mark.heavy
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fails", [False, True])
def test_a_fan_of_ten_thousand_is_released_in_small_transactions(bench: Bench, fails: bool) -> None:
    first, runner = bench.enqueue(), bench.runner()
    fan = [NewJob("sleep", {}, after=(first,)) for _ in range(10_000)]
    for start in range(0, len(fan), 1000):
        bench.jobs.enqueue(fan[start : start + 1000])
    fence = runner.claim_one()
    assert runner.claims.claim(1) == []
    if fails:
        runner.claims.fail(fence, RAISED)
    else:
        runner.claims.complete(fence, "1", RETURNED)
    assert react(bench) >= 10_000 // ended.BATCH
    assert left(bench) == 0
    jobs = bench.jobs.get_each([job.id for job in fan[::100]])
    states = {(job.status, job.held) for job in jobs if job}
    assert states == {("canceled" if fails else "queued", False)}


@pytest.mark.heavy
def test_a_job_can_wait_for_a_thousand(bench: Bench) -> None:
    runner = bench.runner()
    ids = bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(1000)])
    known = [job_id for job_id in ids if isinstance(job_id, UUID)]
    last = bench.enqueue(after=tuple(known), priority=9)
    while jobs := runner.claims.claim(100):
        assert last not in {job.id for job in jobs} or bench.job(known[-1]).final
        for job in jobs:
            runner.claims.complete(job.fence, "1", RETURNED)
        react(bench)
    assert bench.job(last).status == "succeeded"
