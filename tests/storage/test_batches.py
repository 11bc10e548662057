"""Batches in the store: one transaction, one row, found by their ids, deleted with their jobs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from storage.batch_submission import Batches
from storage.db.models import BatchRow, JobRow, KeyRow, TagRow
from storage.jobs import batch_rows
from storage.jobs.batch_rows import BatchSweep
from storage.jobs.retention import delete_job
from storage.queries.explain import waits_of
from storage.records.batch import THEN, Batch, BatchRefused, NewBatch
from storage.records.filters import Filters
from storage.records.holds import Hold, Watch
from storage.records.ids import MAX_BATCH_JOBS, id_in_batch, is_in_batch, new_batch_id
from storage.records.job import NewJob
from storage.records.states import Status
from storage.waiting.reactions import react_to_ended
from tests.support.stores import RETURNED, Bench


@pytest.fixture
def batches(bench: Bench) -> Batches:
    return Batches(bench.store.database, bench.store.wakeup, bench.clock, bench.jobs)


def new(
    count: int, *templates: NewJob, key: tuple[str, str] | None = None, is_atomic: bool = False
) -> NewBatch:
    """A batch of jobs with the templates in turn; a payload has the index of its job."""
    batch_id = new_batch_id()
    own = [NewJob(**{**vars(each), "batch_id": batch_id}) for each in templates]
    own = own or [NewJob("sleep", {}, batch_id=batch_id)]
    jobs = [(index, index % len(own), f'{{"seconds":{index}}}') for index in range(count)]
    return NewBatch(batch_id, own, jobs, [], is_atomic, None, key)


def refuse(index: int, reason: Any, job: NewJob) -> dict[str, Any]:
    return {"index": index, "reason": str(reason)}


def ids(batch: Batch | NewBatch, indexes: Sequence[int]) -> list[UUID]:
    return [id_in_batch(batch.id, index) for index in indexes]


def count(bench: Bench, model: Any) -> int:
    return len(bench.store.database.rows(model.select()))


def test_jobs_of_different_kinds_are_stored_with_their_own_options(
    bench: Bench, batches: Batches
) -> None:
    templates = (
        NewJob("a", {}, priority=3, delay=5.0),
        NewJob("b", {}, tags=("x", "y")),
        NewJob("c", {}, metadata={"n": 1}, expires_in=60.0, keep_for=1.0, backoff=[1]),
    )
    sent = new(6, *templates)
    batch = batches.add(sent, refuse)
    assert (batch.size, batch.refused) == (6, 0)
    jobs = [bench.job(job_id) for job_id in ids(batch, range(6))]
    assert [job.type for job in jobs] == ["a", "b", "c"] * 2
    assert [job.payload for job in jobs] == [{"seconds": index} for index in range(6)]
    assert {job.batch_id for job in jobs} == {batch.id}
    assert (jobs[0].priority, jobs[0].run_at) == (3, bench.clock.now + 5000)
    assert (jobs[4].tags, jobs[4].priority) == (("x", "y"), 0)
    assert (jobs[5].metadata, jobs[5].keep_ms, jobs[5].backoff) == ({"n": 1}, 1000, [1])
    assert jobs[5].expires_at == bench.clock.now + 60_000
    assert len({job.version for job in jobs}) == 6
    assert count(bench, TagRow) == 4
    found = bench.jobs.list(Filters(tags=frozenset({"x"})), 9).jobs
    assert [job.id for job in found] == ids(batch, [4, 1])


def test_a_list_has_all_batches_of_a_caller_newest_first(
    bench: Bench, batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_rows, "PAGE", 2)
    made = [
        batches.add(replace(new(1), submitted_by=by), refuse).id
        for by in ("ann", "bob", "ann", "bob", "ann")
    ]

    def listed(limit: int, owner: str | None) -> list[UUID]:
        pages, before = [batches.page(limit, None, owner)], None
        while (before := pages[-1].next) is not None:
            pages.append(batches.page(limit, before, owner))
        assert all(len(each.batches) <= limit for each in pages)
        return [each.batch.id for page in pages for each in page.batches]

    for limit in (1, 2, 3, 9):
        assert listed(limit, None) == made[::-1]
        assert listed(limit, "ann") == made[::-2]
    (newest,) = batches.page(1, None).batches
    assert (newest.counts, newest.is_finished) == ({Status.QUEUED: 1}, False)
    monkeypatch.setattr(batch_rows, "PAGE_SECONDS", -1.0)  # each page has one batch then
    assert [len(batches.page(9, None).batches), listed(9, None)] == [1, made[::-1]]


def test_the_jobs_of_a_batch_are_claimed_in_their_order(bench: Bench, batches: Batches) -> None:
    batch = batches.add(new(5), refuse)
    runner = bench.runner()
    assert [job.id for job in runner.claims.claim(5)] == ids(batch, range(5))


def test_a_job_that_the_store_refuses_does_not_keep_the_others_out(
    bench: Bench, batches: Batches
) -> None:
    sent = new(4, NewJob("a", {}, queue="none-such"), NewJob("b", {}))
    batch = batches.add(sent, refuse)
    assert (batch.size, batch.refused) == (2, 2)
    assert [each["index"] for each in batch.refusals or ()] == [0, 2]
    assert [bench.jobs.get(job_id) is None for job_id in ids(batch, range(4))] == [True, False] * 2
    source = UUID(int=5)
    with_tags = new(2, NewJob("a", {}, source=source, tags=("x",)), NewJob("b", {}, tags=("x",)))
    assert batches.add(with_tags, refuse).refusals == [{"index": 0, "reason": "source"}]


@pytest.mark.parametrize("key", [None, ("key", "fingerprint")])
def test_nothing_is_stored_of_an_atomic_batch_with_a_refused_job(
    bench: Bench, batches: Batches, key: tuple[str, str] | None
) -> None:
    sent = new(4, NewJob("a", {}, tags=("x",)), NewJob("b", {}, queue="none-such"), key=key)
    atomic = NewBatch(**{**vars(sent), "is_atomic": True})
    for each in (atomic, new(2, NewJob("b", {}, queue="none-such"), key=key)):
        with pytest.raises(BatchRefused):
            batches.add(each, refuse)
    assert [count(bench, model) for model in (JobRow, BatchRow, TagRow, KeyRow)] == [0] * 4


def test_a_key_stands_for_one_batch_until_its_first_job_is_deleted(
    bench: Bench, batches: Batches
) -> None:
    templates = NewJob("a", {}, queue="none-such"), NewJob("b", {})
    first = batches.add(new(4, *templates, key=("key", "one")), refuse)
    assert first.fingerprint is None
    again = batches.add(new(4, *templates, key=("key", "one")), refuse)
    assert (again.id, again.size, again.refused) == (first.id, 2, 2)
    assert (again.fingerprint, again.refusals) == ("one", first.refusals)
    assert batches.add(new(1, key=("key", "two")), refuse).fingerprint == "one"
    assert count(bench, JobRow) == 2
    bench.jobs.cancel(id_in_batch(first.id, 1))
    delete_job(bench.store.database, id_in_batch(first.id, 1))
    assert batches.add(new(1, key=("key", "two")), refuse).fingerprint is None


def test_the_progress_of_a_batch_counts_only_its_own_jobs(bench: Bench, batches: Batches) -> None:
    earlier, batch, later = (batches.add(new(3), refuse) for _ in range(3))
    bench.enqueue()
    runner = bench.runner()
    claimed = [job.fence for job in runner.claims.claim(5)]
    runner.claims.complete(claimed[3], "1", RETURNED)
    bench.jobs.cancel(id_in_batch(batch.id, 2))
    progress = batches.get(batch.id)
    assert progress is not None
    assert progress.counts == {Status.SUCCEEDED: 1, Status.RUNNING: 1, Status.CANCELED: 1}
    assert (progress.is_finished, progress.finished_at, progress.deleted) == (False, None, 0)
    bench.clock.forward(5)
    runner.claims.complete(claimed[4], "1", RETURNED)
    delete_job(bench.store.database, id_in_batch(batch.id, 2))
    progress = batches.get(batch.id)
    assert progress is not None
    assert (progress.is_finished, progress.deleted) == (True, 1)
    assert progress.finished_at == bench.clock.now
    for other in (earlier, later):
        found = batches.get(other.id)
        assert found is not None
        assert sum(found.counts.values()) == 3
    assert batches.get(UUID(int=7)) is None


def test_lists_find_the_jobs_of_a_batch_with_other_filters(bench: Bench, batches: Batches) -> None:
    batch, other = batches.add(new(5), refuse), batches.add(new(2), refuse)
    bench.enqueue()
    for index in (1, 3):
        bench.jobs.cancel(id_in_batch(batch.id, index))
    bench.jobs.cancel(id_in_batch(other.id, 0))

    def found(**filters: Any) -> list[UUID]:
        return [job.id for job in bench.jobs.list(Filters(batch=batch.id, **filters), 9).jobs]

    assert found() == ids(batch, [4, 3, 2, 1, 0])
    assert found(statuses=frozenset({Status.CANCELED})) == ids(batch, [3, 1])
    assert found(statuses=frozenset({Status.QUEUED})) == ids(batch, [4, 2, 0])
    assert found(type="sleep", text="seconds") == ids(batch, [4, 3, 2, 1, 0])


def test_the_row_of_a_batch_is_deleted_after_its_last_job(
    bench: Bench, batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_rows, "SWEEP_BATCHES", 2)
    stored = [batches.add(new(2), refuse) for _ in range(5)]
    sweep = BatchSweep(bench.store.database)
    for index, batch in enumerate(stored):
        for job_id in ids(batch, range(2 if index % 2 else 1)):
            bench.jobs.cancel(job_id)
            delete_job(bench.store.database, job_id)
    assert [sweep.run() for _ in range(4)] == [True, True, False, True]
    left = [row["id"] for row in bench.store.database.rows(BatchRow.select().order_by(BatchRow.id))]
    assert left == [stored[0].id, stored[2].id, stored[4].id]


def with_then(count: int, **options: Any) -> NewBatch:
    """A batch with a job that follows it."""
    sent = new(count, NewJob("sleep", {}, watched=Watch.BATCHES))
    then = NewJob("then", {}, holds=Hold.BATCH, **options)
    return NewBatch(**{**vars(sent), "then": then})


def react(bench: Bench) -> None:
    """Let all reactions act, until no entry is left."""
    while react_to_ended(bench.store.database, bench.store.wakeup, bench.clock):
        pass


@pytest.mark.parametrize("order", [range(6), range(5, -1, -1), (3, 0, 5, 1, 4, 2)])
def test_the_job_that_follows_is_released_once_by_the_last_end_in_any_order(
    bench: Bench, batches: Batches, order: Iterable[int]
) -> None:
    batch, other = batches.add(with_then(6), refuse), batches.add(with_then(2), refuse)
    assert batch.then_id is not None
    assert other.then_id is not None
    runner = bench.runner()
    fences = {job.id: job.fence for job in runner.claims.claim(6)}
    for index in order:
        assert bench.job(batch.then_id).held
        runner.claims.complete(fences[id_in_batch(batch.id, index)], "1", RETURNED)
        react(bench)
    assert not bench.job(batch.then_id).held
    assert bench.job(other.then_id).held
    version = bench.job(batch.then_id).version
    bench.jobs.retry(id_in_batch(batch.id, 0))
    bench.jobs.cancel(id_in_batch(batch.id, 0))
    react(bench)
    assert bench.job(batch.then_id).version == version


def test_a_retried_job_holds_the_one_that_follows_its_batch(bench: Bench, batches: Batches) -> None:
    batch = batches.add(with_then(3), refuse)
    assert batch.then_id is not None
    jobs = ids(batch, range(3))
    for job_id in (jobs[2], jobs[0]):
        bench.jobs.cancel(job_id)
        react(bench)
    bench.jobs.retry(jobs[2])
    bench.jobs.cancel(jobs[1])
    react(bench)
    assert bench.job(batch.then_id).held
    bench.jobs.cancel(jobs[2])
    react(bench)
    assert not bench.job(batch.then_id).held


def test_a_job_that_follows_a_batch_waits_for_it_again_when_it_is_retried(
    bench: Bench, batches: Batches
) -> None:
    batch = batches.add(with_then(2), refuse)
    assert batch.then_id is not None
    bench.jobs.cancel(batch.then_id)
    assert bench.jobs.retry(batch.then_id)[0] is True
    runner = bench.runner()
    for job_id in ids(batch, range(2)):
        assert bench.job(batch.then_id).holds == Hold.BATCH
        fence = runner.claim_one()
        assert fence.job_id == job_id
        runner.claims.complete(fence, "1", RETURNED)
        react(bench)
    bench.jobs.cancel(batch.then_id)
    assert bench.jobs.retry(batch.then_id)[0] is True
    assert runner.claim_one().job_id == batch.then_id


def test_deleted_jobs_of_a_batch_have_ended(bench: Bench, batches: Batches) -> None:
    batch = batches.add(with_then(2, delay=60.0), refuse)
    assert batch.then_id is not None
    runner = bench.runner()
    for job in runner.claims.claim(2):
        runner.claims.complete(job.fence, "1", RETURNED)
        delete_job(bench.store.database, job.id)
    BatchSweep(bench.store.database).run()
    assert bench.job(batch.then_id).held
    react(bench)
    then = bench.job(batch.then_id)
    assert (then.held, then.run_at) == (False, bench.clock.now + 60_000)
    bench.jobs.cancel(batch.then_id)
    delete_job(bench.store.database, batch.then_id)
    BatchSweep(bench.store.database).run()
    assert batches.get(batch.id) is None


def test_a_job_that_follows_waits_for_the_unfinished_jobs(bench: Bench, batches: Batches) -> None:
    batch = batches.add(with_then(8), refuse)
    assert batch.then_id is not None
    bench.jobs.cancel(id_in_batch(batch.id, 1))
    (wait,) = waits_of(bench.store.database, bench.job(batch.then_id))
    assert (wait.hold, wait.count) == (Hold.BATCH, 7)
    assert list(wait.jobs) == ids(batch, (0, 2, 3, 4, 5))


def test_a_batch_whose_following_job_is_refused_stores_nothing(
    bench: Bench, batches: Batches
) -> None:
    with pytest.raises(BatchRefused) as caught:
        batches.add(with_then(2, queue="none-such"), refuse)
    assert [each["index"] for each in caught.value.refusals] == [THEN]
    assert [count(bench, model) for model in (JobRow, BatchRow)] == [0, 0]


def test_ids_tell_which_batch_a_job_belongs_to() -> None:
    batch_id = new_batch_id(7)
    assert batch_id.version == 7
    first, last = (id_in_batch(batch_id, index) for index in (0, MAX_BATCH_JOBS - 1))
    after = UUID(int=last.int + 1)
    found = [is_in_batch(each, batch_id) for each in (batch_id, first, last, after)]
    assert found == [False, True, True, False]
    assert (first.int >> 64 & 0xFFF, last.int >> 64 & 0xFFF) == (7, 7)
    assert new_batch_id() not in (batch_id, first)
