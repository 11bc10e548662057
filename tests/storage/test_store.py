"""The operations of the store for clients, on both databases."""

from typing import Any
from uuid import UUID, uuid4

from storage.jobs.retention import Retention
from storage.records.filters import Filters
from storage.records.job import NewJob, Upload
from storage.records.states import Status
from storage.store import Refusal
from tests.support.stores import RETURNED, Bench


def test_a_new_job_is_queued_and_due_at_once(bench: Bench) -> None:
    job = bench.job(bench.enqueue(payload={"seconds": 1.5, "ü": [None, "\u2028"]}))
    assert (job.status, job.attempt, job.retry_count, job.max_retries) == ("queued", 0, 0, 1)
    assert job.payload == {"seconds": 1.5, "ü": [None, "\u2028"]}
    assert job.created_at == job.run_at == bench.clock()
    assert (job.result, job.error, job.locked_by, job.attempts, job.upload) == (
        None,
        None,
        None,
        (),
        None,
    )


def test_options_of_a_new_job_are_kept(bench: Bench) -> None:
    run_at = bench.clock() + 5000
    options: dict[str, Any] = {"max_retries": 0, "max_losses": 3, "timeout": 2.5, "priority": -7}
    job = bench.job(bench.enqueue(**options, run_at=run_at))
    assert (job.max_retries, job.max_losses, job.timeout) == (0, 3, 2.5)
    assert (job.priority, job.run_at) == (-7, run_at)


def test_an_upload_is_kept_with_its_job(bench: Bench) -> None:
    upload = Upload(uuid4(), "a.log", 2**40, "ab" * 32)
    assert bench.job(bench.enqueue(upload=upload)).upload == upload


def test_a_shared_upload_is_kept_until_both_jobs_are_deleted(
    bench: Bench,
) -> None:
    upload = Upload(uuid4(), "a.log", 5, "00")
    first = bench.enqueue(upload=upload)
    second = bench.enqueue(source=first)
    assert bench.job(second).upload == upload
    bench.jobs.cancel(first)
    bench.clock.forward(1)
    assert Retention(bench.store.database, (), 0).prune(bench.clock()) == (1, [])
    bench.jobs.cancel(second)
    bench.clock.forward(1)
    assert Retention(bench.store.database, (), 0).prune(bench.clock()) == (1, [upload.id])


def test_a_job_whose_source_has_no_file_is_not_stored_and_the_others_are(bench: Bench) -> None:
    without = bench.enqueue()
    jobs = [NewJob("a", {}, source=without), NewJob("b", {}), NewJob("c", {}, source=uuid4())]
    missing, stored, unknown = bench.jobs.enqueue(jobs)
    assert missing is unknown is Refusal.SOURCE
    assert {job.id for job in bench.jobs.list(Filters(), 9).jobs} == {without, stored}


def test_ids_are_in_order_of_time(bench: Bench) -> None:
    ids = [bench.enqueue() for _ in range(50)]
    assert ids == sorted(ids)
    assert {id.version for id in ids} == {7}


def test_an_unknown_job_is_none(bench: Bench) -> None:
    assert bench.jobs.get(uuid4()) is None
    assert bench.jobs.cancel(uuid4()) is None


def test_a_list_goes_from_the_newest_to_the_oldest_page_by_page(bench: Bench) -> None:
    ids = [bench.enqueue() for _ in range(7)]
    seen: list[UUID] = []
    before: UUID | None = None
    sizes = []
    while True:
        page = bench.jobs.list(Filters(), 3, before)
        seen += [job.id for job in page.jobs]
        sizes.append(len(page.jobs))
        before = page.next
        if before is None:
            break
    assert seen == ids[::-1]
    assert sizes == [3, 3, 1]


def test_a_list_that_fits_on_one_page_has_no_next_page(bench: Bench) -> None:
    bench.enqueue()
    bench.enqueue()
    assert bench.jobs.list(Filters(), 2).next is None
    assert bench.jobs.list(Filters(frozenset({Status.FAILED})), 2).jobs == []


def test_a_list_can_be_filtered_by_status(bench: Bench) -> None:
    bench.enqueue()
    running = bench.runner().claim_one().job_id
    queued = bench.enqueue()
    assert [job.id for job in bench.jobs.list(Filters(frozenset({Status.RUNNING})), 9).jobs] == [
        running
    ]
    assert [job.id for job in bench.jobs.list(Filters(frozenset({Status.QUEUED})), 9).jobs] == [
        queued
    ]


def test_a_queued_job_is_canceled_at_once_and_never_starts(bench: Bench) -> None:
    job_id = bench.enqueue()
    canceled = bench.jobs.cancel(job_id)
    assert canceled is not None
    assert (canceled.status, canceled.finished_at) == ("canceled", bench.clock())
    assert bench.runner().claims.claim(1) == []


def test_the_cancel_of_a_running_job_is_requested_once(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    assert runner.claims.to_cancel() == []
    first = bench.jobs.cancel(job_id)
    bench.clock.forward(5)
    second = bench.jobs.cancel(job_id)
    assert first == second
    assert first is not None
    assert (first.status, first.cancel_requested_at) == ("running", bench.clock() - 5000)
    assert runner.claims.to_cancel() == [fence]


def test_a_final_job_is_not_changed_by_a_cancel(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    runner.claims.complete(runner.claim_one(), '{"n":1}', RETURNED)
    before = bench.job(job_id)
    assert bench.jobs.cancel(job_id) == before


def test_each_change_of_any_job_has_its_own_version(bench: Bench) -> None:
    first, second = bench.enqueue(), bench.enqueue()
    runner = bench.runner()
    versions = [bench.job(first).version, bench.job(second).version]
    fence = runner.claim_one()
    versions.append(bench.job(first).version)
    runner.claims.progress(fence, "{}")
    versions.append(bench.job(first).version)
    bench.jobs.cancel(second)
    versions.append(bench.job(second).version)
    assert versions == sorted(set(versions))
