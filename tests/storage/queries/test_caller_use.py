"""The use of one caller, counted in both ways."""

from uuid import uuid4

import pytest

from storage.jobs.retention import delete_job
from storage.queries import caller_use
from storage.queries.caller_use import count_bytes_of, count_queued_of, has_upload
from storage.records.job import Upload
from storage.records.resumable_upload import ResumableUpload
from tests.support.job_files import complete_with_files
from tests.support.stores import Bench


@pytest.fixture
def mixed(bench: Bench) -> Bench:
    """A store in which `me` has two queued jobs, a running and a final one; others have jobs."""
    runner = bench.runner()
    for _ in range(2):
        bench.enqueue(submitted_by="me", priority=5)
    runner.claims.complete(runner.claim_one(), "{}")
    runner.claim_one()
    for caller in ("me", "you", None, "me"):
        bench.enqueue(submitted_by=caller)
    return bench


@pytest.mark.parametrize("queued", [0, 10**9], ids=["few queued jobs", "few jobs of the caller"])
def test_the_queued_jobs_of_a_caller_are_counted_up_to_a_limit(
    mixed: Bench, queued: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller_use, "count_queued", lambda database: queued)
    database = mixed.store.database
    assert [count_queued_of(database, "me", limit) for limit in (1, 2, 3)] == [1, 2, 2]
    assert count_queued_of(database, "you", 5) == 1
    assert count_queued_of(database, "nobody", 5) == 0


def test_held_and_retried_jobs_are_queued(bench: Bench) -> None:
    first = bench.enqueue(submitted_by="me")
    bench.enqueue(submitted_by="me", after=(first,))
    assert count_queued_of(bench.store.database, "me", 9) == 2
    bench.jobs.cancel(first)
    found = count_queued_of(bench.store.database, "me", 9)
    bench.jobs.retry(first)
    assert count_queued_of(bench.store.database, "me", 9) == found + 1


def upload(size: int, digit: str) -> Upload:
    return Upload(uuid4(), "a.log", size, digit * 64)


@pytest.fixture
def with_files(bench: Bench) -> Bench:
    """A store in which the jobs of `me` keep 111 bytes, and other jobs keep others."""
    bench.queues.put("files")
    first = bench.enqueue(submitted_by="me", upload=upload(1, "a"))
    bench.enqueue(submitted_by="me", source=first)
    bench.enqueue(submitted_by="me", upload=upload(10, "b"))
    bench.enqueue(submitted_by="you", upload=upload(1000, "c"))
    bench.enqueue(upload=upload(2000, "d"))
    runner = bench.runner({"files"})
    for caller, size in (("me", 60), ("you", 4000), (None, 5000)):
        bench.enqueue(submitted_by=caller, queue="files")
        complete_with_files(bench, runner, {"a": b"x" * size, "b": b"x" * (size * 2 // 3)})
    return bench


@pytest.mark.parametrize("few", [10_000, 1], ids=["by its jobs", "by all files"])
def test_the_bytes_of_a_caller_are_those_of_its_uploads_and_of_the_files_of_its_jobs(
    with_files: Bench, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller_use, "FEW_JOBS", few)
    monkeypatch.setattr(caller_use, "_has_fewer_files", lambda database, caller: True)
    database = with_files.store.database
    assert count_bytes_of(database, "me", lambda name: []) == 111
    assert count_bytes_of(database, "you", lambda name: []) == 7666
    assert count_bytes_of(database, "nobody", lambda name: []) == 0


def test_files_are_read_instead_of_jobs_if_they_are_much_fewer(
    with_files: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = with_files.store.database
    assert not caller_use._has_fewer_files(database, "me")
    for _ in range(40):
        with_files.enqueue(submitted_by="me")
    assert caller_use._has_fewer_files(database, "me")
    monkeypatch.setattr(caller_use, "FEW_JOBS", 1)
    assert count_bytes_of(database, "me", lambda name: []) == 111


def test_a_resumable_upload_counts_until_a_job_of_its_caller_has_the_file(
    with_files: Bench,
) -> None:
    sizes = {10_000: None, 10: "b" * 64, 1000: "c" * 64, 7: "e" * 64}
    begun = [
        ResumableUpload(uuid4(), "a", size, "me", 0, sha256=sha256)
        for size, sha256 in sizes.items()
    ]
    database = with_files.store.database
    assert count_bytes_of(database, "me", lambda name: begun) == 111 + 10_000 + 1000 + 7
    assert [has_upload(database, "me", each * 64) for each in "abce"] == [True, True, False, False]


def test_deleted_jobs_and_their_files_do_not_count(bench: Bench) -> None:
    job_id = bench.enqueue(submitted_by="me", upload=upload(5, "a"))
    bench.jobs.cancel(job_id)
    delete_job(bench.store.database, job_id)
    assert count_bytes_of(bench.store.database, "me", lambda name: []) == 0
