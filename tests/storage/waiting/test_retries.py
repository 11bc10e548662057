"""A retried job keeps what it waits for: its predecessors, its input and its batch."""

import json
from typing import Any
from uuid import UUID

import pytest

from storage.db.models import JobRow
from storage.jobs.retention import delete_job
from storage.queries.bulk import Bulk, BulkChange
from storage.queries.search import find
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.filters import Filters
from storage.records.holds import Hold
from storage.records.states import Status
from storage.waiting.followers import canceled_with
from storage.waiting.reactions import react_to_ended
from storage.waiting.retries import UnmetPredecessors
from tests.support.stores import RAISED, Bench, Holder

RETURNED = AttemptOutcome("returned")


def react(bench: Bench) -> None:
    while react_to_ended(bench.store.database, bench.store.wakeup, bench.clock):
        pass


def run(bench: Bench, runner: Holder, expected: UUID, result: str | None = '"done"') -> None:
    """Run the next due job, which must be this one. It fails if its result is None."""
    fence = runner.claim_one()
    assert fence.job_id == expected
    if result is None:
        runner.claims.fail(fence, RAISED)
    else:
        runner.claims.complete(fence, result, RETURNED)
    react(bench)


def chain(bench: Bench, length: int = 3, tag: str = "chain") -> list[UUID]:
    """Jobs that each get the result of the one before; the first has failed."""
    ids: list[UUID] = []
    for _ in range(length):
        options: dict[str, Any] = {"after": (ids[-1],), "input_from": ids[-1]} if ids else {}
        ids.append(bench.enqueue(payload={}, tags=(tag,), **options))
    run(bench, bench.runner(), ids[0], None)
    assert {bench.job(job_id).status for job_id in ids[1:]} <= {"canceled"}
    return ids


def bulk(bench: Bench) -> Bulk:
    return Bulk(bench.store.database, bench.store.wakeup, bench.clock)


def test_a_retried_job_gets_the_result_of_its_predecessor(bench: Bench) -> None:
    first, last = chain(bench, 2)
    assert bench.jobs.retry(first)[0] is True
    run(bench, runner := bench.runner(), first)
    assert bench.jobs.retry(last)[0] is True
    assert bench.job(last).payload == {"input": "done"}
    run(bench, runner, last, None)
    assert bench.jobs.retry(last)[0] is True
    (row,) = bench.store.database.rows(JobRow.select(JobRow.payload).where(JobRow.id == last))
    assert row["payload"] == '{"input":"done"}'
    run(bench, runner, last)
    assert bench.job(last).status == "succeeded"


@pytest.mark.heavy
@pytest.mark.parametrize("is_running", [False, True])
def test_a_retried_job_waits_again(bench: Bench, is_running: bool) -> None:
    first, last = chain(bench, 2)
    bench.jobs.retry(first)
    runner = bench.runner()
    fence = runner.claim_one() if is_running else None
    assert bench.jobs.retry(last)[0] is True
    job = bench.job(last)
    assert (job.status, job.holds, job.run_at) == ("queued", Hold.PREDECESSORS, bench.clock())
    assert job.after == (first,)
    if fence:
        assert runner.claims.claim(1) == []
        runner.claims.complete(fence, '"done"', RETURNED)
        react(bench)
    else:
        run(bench, runner, first)
    assert bench.job(last).payload == {"input": "done"}
    run(bench, runner, last)


def test_a_job_that_was_canceled_while_it_waited_waits_again(bench: Bench) -> None:
    first = bench.enqueue(priority=-1)
    last = bench.enqueue(payload={}, after=(first,), input_from=first)
    for _ in range(2):
        bench.jobs.cancel(last)
        assert bench.jobs.retry(last)[0] is True
    run(bench, runner := bench.runner(), first)
    run(bench, runner, last)
    assert bench.job(last).payload == {"input": "done"}


def test_a_job_is_not_retried_before_a_predecessor_that_has_not_succeeded(bench: Bench) -> None:
    first, middle, last = chain(bench)
    before = bench.job(last)
    assert bench.jobs.retry(middle)[0] == UnmetPredecessors((first,))
    assert bench.jobs.retry(last) == (UnmetPredecessors((middle,)), before)
    bench.jobs.retry(first)
    assert bench.jobs.retry(last)[0] == UnmetPredecessors((middle,))


def test_a_retried_job_is_canceled_again_with_its_predecessor(bench: Bench) -> None:
    first, last = chain(bench, 2)
    bench.jobs.retry(first)
    bench.jobs.retry(last)
    run(bench, bench.runner(), first, None)
    job = bench.job(last)
    assert job.error
    assert (job.status, job.error["type"], job.payload) == ("canceled", "PredecessorFailed", {})


def test_a_job_that_runs_in_any_case_waits_for_a_retried_predecessor(bench: Bench) -> None:
    first, runner = bench.enqueue(priority=1), bench.runner()
    last = bench.enqueue(payload={"a": {}}, after=(first,), input_from=first, on_failure="run")
    run(bench, runner, first, None)
    run(bench, runner, last, None)
    assert bench.jobs.retry(last)[0] is True
    run(bench, runner, last, None)
    assert bench.job(last).payload == {"a": {}, "input": None}
    bench.jobs.retry(first)
    bench.jobs.retry(last)
    run(bench, runner, first, "[2]")
    run(bench, runner, last, None)
    rows = bench.store.database.rows(JobRow.select(JobRow.payload).where(JobRow.id == last))
    assert rows[0]["payload"].count('"input"') == 1  # readers take one of several as they like
    assert bench.job(last).payload == {"a": {}, "input": [2]}
    delete_job(bench.store.database, first)
    assert bench.jobs.retry(last)[0] is True
    run(bench, runner, last)
    assert bench.job(last).payload == {"a": {}, "input": [2]}


def test_a_deleted_predecessor_holds_nothing_up_but_its_result_is_missed(bench: Bench) -> None:
    first = bench.enqueue()
    last, reader = (
        bench.enqueue(payload={}, after=(first,)),
        bench.enqueue(payload={}, after=(first,), input_from=first),
    )
    either = bench.enqueue(payload={}, after=(first,), input_from=first, on_failure="run")
    run(bench, runner := bench.runner(), first, None)
    run(bench, runner, either, None)
    delete_job(bench.store.database, first)
    assert bench.jobs.retry(reader)[0] == UnmetPredecessors((first,), is_deleted=True)
    assert bench.jobs.retry(last)[0] is True
    run(bench, runner, last)
    assert bench.jobs.retry(either)[0] is True
    assert bench.job(either).payload == {"input": None}


def test_a_retried_job_with_a_concurrency_key_waits_for_both(bench: Bench) -> None:
    first = bench.enqueue(priority=-1)
    last = bench.enqueue(after=(first,), concurrency_key="k")
    bench.jobs.cancel(last)
    react(bench)
    holder = bench.enqueue(concurrency_key="k", priority=-2)
    assert bench.jobs.retry(last)[0] is True
    job = bench.job(last)
    assert (job.holds, job.run_at) == (Hold.PREDECESSORS | Hold.KEY, bench.clock())
    run(bench, runner := bench.runner(), first)
    assert bench.job(last).holds == Hold.KEY
    run(bench, runner, holder)
    run(bench, runner, last)


def test_a_bulk_retry_retries_jobs_with_their_predecessors(bench: Bench) -> None:
    ids = chain(bench)
    done = bulk(bench).retry(Filters(tags=frozenset({"chain"})), None, dry_run=False)
    assert done == BulkChange(3, 3, None)
    assert [bench.job(job_id).held for job_id in ids] == [False, True, True]
    runner = bench.runner()
    for number, job_id in enumerate(ids):
        run(bench, runner, job_id, json.dumps(number))
    assert [bench.job(job_id).payload for job_id in ids] == [{}, {"input": 0}, {"input": 1}]


def test_a_page_of_a_bulk_retry_takes_predecessors_of_later_pages_along(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.queries.bulk.LIMIT", 2)
    monkeypatch.setattr("storage.queries.bulk.BATCH", 1)
    other, ids = chain(bench, 1, "mine"), chain(bench, 4, "mine")
    mine = Filters(tags=frozenset({"mine"}))
    pages = [bulk(bench).retry(mine, None, dry_run=False)]
    while pages[-1].next:
        pages.append(bulk(bench).retry(mine, pages[-1].next, dry_run=False))
    assert {(page.matched, page.changed) for page in pages} <= {(0, 0), (4, 4), (1, 1)}
    assert [bench.job(job_id).held for job_id in [*other, *ids]] == [False, False, True, True, True]


def test_a_bulk_retry_leaves_out_jobs_whose_predecessors_it_does_not_select(bench: Bench) -> None:
    ids = chain(bench)
    canceled = Filters(statuses=frozenset({bench.job(ids[1]).status}))
    assert bulk(bench).retry(canceled, None, dry_run=False) == BulkChange(2, 0, None)
    assert [bench.job(job_id).status for job_id in ids] == ["failed", "canceled", "canceled"]


def test_downstream_jobs_are_retried_in_order(bench: Bench) -> None:
    first, *followers = chain(bench, 4)
    both = bench.enqueue(after=(first, followers[-1]), tags=("both",))
    react(bench)
    other = bench.enqueue()
    bench.jobs.cancel(other)
    assert {bench.job(each).status for each in (*followers, both)} == {"canceled"}
    assert bench.jobs.retry(first)[0] is True
    assert bulk(bench).retry_downstream(first, lambda _by, _queue: True) == 4
    assert {bench.job(each).status for each in (*followers, both)} == {"queued"}
    assert bench.job(other).status == "canceled"
    runner = bench.runner()
    for job_id in (first, *followers, both):
        run(bench, runner, job_id)


def test_downstream_jobs_of_others_stay_canceled_with_what_follows_them(bench: Bench) -> None:
    first = bench.enqueue(submitted_by="ann")
    mine = bench.enqueue(after=(first,), submitted_by="ann")
    theirs = bench.enqueue(after=(first,), submitted_by="bob")
    last = bench.enqueue(after=(theirs,), submitted_by="ann")
    run(bench, bench.runner(), first, None)
    bench.jobs.retry(first)
    assert bulk(bench).retry_downstream(first, lambda by, _queue: by == "ann") == 1
    statuses = [bench.job(each).status for each in (mine, theirs, last)]
    assert statuses == ["queued", "canceled", "canceled"]


def test_a_job_that_a_client_canceled_is_not_downstream(bench: Bench) -> None:
    first = bench.enqueue()
    waiting = bench.enqueue(after=(first,))
    bench.jobs.cancel(waiting)
    run(bench, bench.runner(), first, None)
    bench.jobs.retry(first)
    assert bulk(bench).retry_downstream(first, lambda _by, _queue: True) == 0


def test_a_bulk_retry_takes_the_downstream_of_selected_jobs_along(bench: Bench) -> None:
    first, second, third = chain(bench)
    only_failed = Filters(statuses=frozenset({Status.FAILED}))
    assert bulk(bench).retry(only_failed, None, dry_run=True, downstream=True).matched == 3
    assert bulk(bench).retry(only_failed, None, False, downstream=True) == BulkChange(3, 3, None)
    assert {bench.job(each).status for each in (first, second, third)} == {"queued"}


def test_jobs_are_found_by_the_job_that_they_follow(bench: Bench) -> None:
    first, other = bench.enqueue(), bench.enqueue()
    ids = [bench.enqueue(after=(first, other), tags=("a",)), bench.enqueue(after=(first,))]
    database = bench.store.database
    assert find(database, Filters(after=first), 10).ids == ids[::-1]
    assert find(database, Filters(after=other), 10).ids == ids[:1]
    assert find(database, Filters(after=first, tags=frozenset({"a"})), 10).ids == ids[:1]
    canceled = frozenset({Status.CANCELED})
    assert find(database, Filters(after=first, statuses=canceled), 10).ids == []
    bench.jobs.cancel(ids[1])
    assert find(database, Filters(after=first, statuses=canceled), 10).ids == ids[1:]
    assert delete_job(database, ids[1], None, None, bench.clock())[0] is Status.CANCELED
    assert find(database, Filters(after=first), 10).ids == ids[:1]
    assert find(database, Filters(after=first, schedule="s"), 10).ids == []


def test_a_cancel_cancels_the_jobs_that_need_the_success_of_the_job(bench: Bench) -> None:
    first = bench.enqueue()
    second = bench.enqueue(after=(first,))
    third = bench.enqueue(after=(second, first))
    runs_anyway = bench.enqueue(after=(first,), on_failure="run", input_from=first)
    bench.enqueue(after=(runs_anyway,))
    assert canceled_with(bench.store.database, first) == {second, third}
    bench.jobs.cancel(first)
    react(bench)
    canceled = [each for each in (second, third) if bench.job(each).status == "canceled"]
    assert canceled == [second, third]
    assert bench.job(runs_anyway).status == "queued"
    assert canceled_with(bench.store.database, first) == set()
