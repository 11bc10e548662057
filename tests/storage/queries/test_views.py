"""Views: lists, failures, counts, bulk changes and files by hash of what a caller may see."""

from itertools import product
from uuid import UUID

import pytest

from storage.queries import search
from storage.queries.bulk import Bulk
from storage.queries.caller_use import OwnCounts, count_own
from storage.queries.failures import find_failures
from storage.queries.search import find
from storage.records.filters import Filters, View
from storage.records.states import Status
from tests.support.stores import RAISED, Bench

CALLERS, QUEUES = ("me", "you", None), ("a", "b", "c")
VIEWS = [
    View("me"),
    View(queues=frozenset("a")),
    View(queues=frozenset("ab")),
    View("me", frozenset("bc")),
    View(queues=frozenset()),
]


@pytest.fixture
def jobs(bench: Bench) -> dict[UUID, tuple[str | None, str]]:
    """Jobs of each caller in each queue, by their ids. Two of them have failed."""
    for name in QUEUES:
        bench.queues.put(name)
    found = {}
    for number, (caller, queue) in enumerate(product(CALLERS, QUEUES)):
        job_id = bench.enqueue(submitted_by=caller, queue=queue, max_retries=0, priority=-number)
        found[job_id] = caller, queue
    runner = bench.runner()
    for _ in range(4):
        runner.claims.fail(runner.claim_one(), RAISED)
    return found


@pytest.mark.heavy
@pytest.mark.parametrize("few", [0, search.FEW])
@pytest.mark.parametrize("view", VIEWS, ids=["own", "queue", "queues", "own in queues", "no queue"])
def test_a_list_has_the_jobs_of_the_view_that_match(
    bench: Bench,
    jobs: dict[UUID, tuple[str | None, str]],
    view: View,
    few: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    database = bench.store.database
    statuses = {job_id: bench.job(job_id).status for job_id in jobs}
    for queue, caller, status in product((None, "a", "c"), (None, "me", "you"), (None, *Status)):
        filters = Filters(
            frozenset({status} if status else ()), queue=queue, submitted_by=caller, view=view
        )
        expected = [
            job_id
            for job_id, (submitted_by, in_queue) in reversed(jobs.items())
            if view.sees(submitted_by, in_queue)
            and queue in (None, in_queue)
            and caller in (None, submitted_by)
            and status in (None, statuses[job_id])
        ]
        found = find(database, filters, 50, seconds=60)
        assert (sorted(found.ids), found.next) == (sorted(expected), None)
        first = find(database, filters, 1, seconds=60)
        assert first.ids == sorted(expected, reverse=True)[:1]


@pytest.mark.heavy
@pytest.mark.parametrize("view", VIEWS, ids=["own", "queue", "queues", "own in queues", "no queue"])
def test_failures_and_bulk_changes_are_those_of_the_view(
    bench: Bench, jobs: dict[UUID, tuple[str | None, str]], view: View
) -> None:
    database, store = bench.store.database, bench.store
    seen = {job_id for job_id, who in jobs.items() if view.sees(*who)}
    failed = {job_id for job_id in seen if bench.job(job_id).status is Status.FAILED}
    found = find_failures(database, Filters(view=view))
    assert {each for group in found.groups for each in group.job_ids} == failed
    done = Bulk(database, store.wakeup, bench.clock).cancel(Filters(view=view), None, False)
    assert done.changed == len(seen - failed)
    canceled = {job_id for job_id in jobs if bench.job(job_id).status is Status.CANCELED}
    assert canceled == seen - failed


def test_own_counts_are_by_queue(bench: Bench, jobs: dict[UUID, tuple[str | None, str]]) -> None:
    database = bench.store.database
    bench.runner().claim_one()
    assert count_own(database, "me") == {}
    assert count_own(database, "you") == {"b": OwnCounts(0, 1), "c": OwnCounts(1, 0)}
    assert count_own(database, "nobody") == {}
