"""Options of a queued job are changed. Options of any other job are not."""

from typing import Any
from uuid import uuid4

import pytest

from storage.jobs.events import Events
from storage.records.filters import Filters
from storage.records.job import Job
from storage.store import Refusal
from tests.support.stores import RAISED, Bench


def test_given_options_are_changed_and_all_others_stay(bench: Bench) -> None:
    bench.queues.put("gpu")
    job_id = bench.enqueue(priority=3, tags=("a", "b"), metadata={"n": 1}, max_retries=5)
    before = bench.job(job_id)
    run_at = bench.clock() + 60_000
    given = {"priority": -7, "run_at": run_at, "queue": "gpu"}
    job = bench.job(job_id) if bench.jobs.change(job_id, given)[0] is True else before
    assert (job.priority, job.run_at, job.queue) == (-7, run_at, "gpu")
    assert (job.max_retries, job.tags, job.metadata) == (5, ("a", "b"), {"n": 1})
    assert job.version > before.version
    assert bench.jobs.change(job_id, {"timeout": 2.5, "max_retries": 0, "keep_ms": 7000})[0]
    job = bench.job(job_id)
    assert (job.timeout, job.max_retries, job.keep_ms) == (2.5, 0, 7000)
    assert bench.jobs.change(job_id, {"timeout": None}) == (True, bench.job(job_id))
    assert bench.job(job_id).timeout is None


def test_a_job_is_found_by_its_new_tags_only(bench: Bench) -> None:
    job_id, other = bench.enqueue(tags=("a", "b")), bench.enqueue(tags=("a", "b"))
    bench.jobs.change(job_id, {"tags": ("b", "c")})
    assert bench.job(job_id).tags == ("b", "c")
    found = {
        tag: [job.id for job in bench.jobs.list(Filters(tags=frozenset({tag})), 9).jobs]
        for tag in "abc"
    }
    assert found == {"a": [other], "b": [other, job_id], "c": [job_id]}
    bench.jobs.change(job_id, {"tags": ()})
    assert bench.job(job_id).tags == ()
    assert bench.jobs.list(Filters(tags=frozenset({"c"})), 9).jobs == []


def test_a_changed_job_is_claimed_at_its_new_place(bench: Bench) -> None:
    first, second, third = [bench.enqueue() for _ in range(3)]
    bench.jobs.change(third, {"priority": 1})
    bench.jobs.change(first, {"run_at": bench.clock() + 1000})
    runner = bench.runner()
    assert [runner.claim_one().job_id for _ in range(2)] == [third, second]
    bench.jobs.change(first, {"run_at": bench.clock()})
    assert runner.claim_one().job_id == first


@pytest.mark.parametrize("status", ["running", "failed", "canceled"])
def test_a_job_that_is_not_queued_is_not_changed(bench: Bench, status: str) -> None:
    job_id, runner = bench.enqueue(tags=("a",)), bench.runner()
    if status == "canceled":
        bench.jobs.cancel(job_id)
    else:
        fence = runner.claim_one()
        if status == "failed":
            runner.claims.fail(fence, RAISED)
    before = bench.job(job_id)
    assert bench.jobs.change(job_id, {"priority": 5, "tags": ("b",)}) == (False, before)
    assert bench.job(job_id) == before
    assert [job.id for job in bench.jobs.list(Filters(tags=frozenset({"a"})), 9).jobs] == [job_id]


def test_an_unknown_job_and_an_unknown_queue_change_nothing(bench: Bench) -> None:
    assert bench.jobs.change(uuid4(), {"priority": 5}) == (False, None)
    job_id = bench.enqueue()
    before = bench.job(job_id)
    assert bench.jobs.change(job_id, {"queue": "none", "priority": 5}) == (Refusal.QUEUE, before)


def test_a_check_may_refuse_the_change(bench: Bench) -> None:
    def refuse(job: Job) -> None:
        raise PermissionError

    job_id = bench.enqueue()
    with pytest.raises(PermissionError):
        bench.jobs.change(job_id, {"priority": 5}, refuse)
    assert bench.job(job_id).priority == 0


@pytest.mark.parametrize(
    ("changes", "is_progress"), [({"priority": 5}, True), ({"run_at": 5, "priority": 1}, False)]
)
def test_a_change_is_an_event_in_the_chain_of_the_job(
    bench: Bench, changes: dict[str, Any], is_progress: bool
) -> None:
    job_id = bench.enqueue()
    job = bench.jobs.change(job_id, changes)[1]
    bench.jobs.cancel(job_id)
    events = Events(bench.store.database).of_job(job_id, 0)
    assert [(event.status, event.is_progress) for event in events] == [
        ("queued", False),
        *([] if is_progress else [("queued", False)]),
        ("canceled", False),
    ]
    assert job
    assert job.version < events[-1].version
