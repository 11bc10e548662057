"""The rows of files that jobs leave: what adds them, and what deletes them."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from storage.jobs.file_rows import unused_files
from storage.jobs.retention import Retention, delete_job
from storage.jobs.transitions import Settlement
from storage.queries.stats import read_stats
from storage.records.job import Fence
from storage.records.job_file import ArtifactKey
from storage.records.states import COMPLETE
from tests.support.job_files import complete_with_files, store_file, stored_keys
from tests.support.stores import RETURNED, Bench, die

FILES = {"a.txt": b"one", "ordner/ü ☃.csv": b"x" * 1000, "empty": b""}


def with_files(bench: Bench) -> UUID:
    job_id = bench.enqueue()
    assert complete_with_files(bench, bench.runner(), FILES) == job_id
    return job_id


def test_a_job_has_its_files_when_it_has_succeeded(bench: Bench) -> None:
    job_id, other = with_files(bench), bench.enqueue()
    found = bench.jobs.files(job_id)
    assert [(file.name, file.size, file.position) for file in found] == [
        ("a.txt", 3, 0),
        ("empty", 0, 1),
        ("ordner/ü ☃.csv", 1000, 2),
    ]
    assert bench.jobs.file(job_id, "a.txt") == found[0]
    for name in ("A.txt", "ordner", "", "a\0", "\udc80"):
        assert bench.jobs.file(job_id, name) is None
    assert bench.jobs.file(other, "a.txt") is None
    assert (bench.job(job_id).files, bench.job(other).files) == (3, 0)
    assert {file.key for file in found} == stored_keys(bench)


def test_files_are_counted(bench: Bench) -> None:
    with_files(bench)
    stats = read_stats(bench.store.database, bench.clock, bench.store.runners_folder)
    counters = stats.types["sleep"].counters
    assert (counters["files"], counters["file bytes"]) == (3, 1003)


def test_an_attempt_that_lost_its_job_leaves_no_row(bench: Bench) -> None:
    job_id, slow, fast = bench.enqueue(), bench.runner(), bench.runner()
    stale = slow.claim_one()
    lost = store_file(bench.store.artifacts, stale, "a.txt", b"of the lost one")
    die(bench, slow)
    fast.rescuer.rescue()
    bench.clock.forward(60)
    complete_with_files(bench, fast, {"b.txt": b"x"})
    settled = Settlement(COMPLETE, stale, RETURNED, {"result": "2"}, files=[lost])
    assert fast.claims.settle(settled) == [False]
    assert [file.name for file in bench.jobs.files(job_id)] == ["b.txt"]
    assert unused_files(bench.store.database, stored_keys(bench)) == {lost.key}


def test_files_of_a_running_attempt_are_used_and_those_of_earlier_attempts_are_not(
    bench: Bench,
) -> None:
    bench.enqueue()
    runner = bench.runner()
    first = store_file(bench.store.artifacts, runner.claim_one(), "a", b"1").key
    assert unused_files(bench.store.database, {first}) == set()
    runner.claims.release(Fence(first.job_id, runner.liveness.name, 1))
    assert unused_files(bench.store.database, {first}) == {first}
    second = store_file(bench.store.artifacts, runner.claim_one(), "a", b"2").key
    unknown = ArtifactKey(uuid4(), 1, uuid4())
    assert unused_files(bench.store.database, {first, second, unknown}) == {first, unknown}


def test_a_sweep_keeps_the_files_of_jobs_that_exist(bench: Bench) -> None:
    job_id = with_files(bench)
    kept = stored_keys(bench)
    orphan = store_file(bench.store.artifacts, Fence(job_id, "r", 7), "b", b"x").key
    assert orphan in stored_keys(bench)
    bench.store.artifacts.sweep(lambda keys: unused_files(bench.store.database, keys))
    assert stored_keys(bench) == kept


def test_files_are_deleted_with_their_job(bench: Bench) -> None:
    job_id, other = with_files(bench), with_files(bench)
    (_, unused) = delete_job(bench.store.database, job_id)
    assert bench.jobs.files(job_id) == []
    assert len(unused) == 3
    bench.store.delete_files(unused)
    assert stored_keys(bench) == {file.key for file in bench.jobs.files(other)}
    bench.clock.forward(1)
    deleted, unused = Retention(bench.store.database, (), 0).prune(bench.clock())
    bench.store.delete_files(unused)
    assert (deleted, bench.jobs.files(other), stored_keys(bench)) == (1, [], set())


def test_uploads_and_files_of_a_job_are_deleted_together(bench: Bench) -> None:
    writer = bench.store.uploads.writer()
    writer.write(b"text")
    upload = writer.finish("a.log", "00")
    job_id = bench.enqueue("analyze", upload=upload)
    complete_with_files(bench, bench.runner(), FILES)
    (_, unused) = delete_job(bench.store.database, job_id)
    assert unused[0] == upload.id
    bench.store.delete_files(unused)
    assert (bench.store.uploads.size(upload), stored_keys(bench)) == (None, set())


def test_two_files_of_a_job_cannot_have_one_name(bench: Bench) -> None:
    """The last resort: the worker has refused such names before."""
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    file = store_file(bench.store.artifacts, fence, "a", b"1")
    twice = [file, replace(file, position=1, file_id=uuid4())]
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        runner.claims.settle(Settlement(COMPLETE, fence, RETURNED, {"result": "1"}, files=twice))
    assert bench.job(fence.job_id).status == "running"
