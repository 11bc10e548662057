"""Uploads in a folder, and which of them are deleted when."""

import os
import time
from pathlib import Path
from unittest.mock import Mock
from uuid import uuid4

import pytest

from storage.files.folder import FolderUploads
from storage.files.uploads import GRACE_SECONDS
from storage.jobs import retention
from storage.jobs.retention import Retention
from storage.records.filters import Filters
from storage.records.job import StoreUnusable, Upload
from tests.support.disk.disk_calls import record_disk_calls
from tests.support.stores import RETURNED, Bench, folder_of


@pytest.fixture
def uploads(tmp_path: Path) -> FolderUploads:
    return FolderUploads(tmp_path / "uploads")


def stored(uploads: FolderUploads, content: bytes = b"text") -> Upload:
    writer = uploads.writer()
    writer.write(content)
    return writer.finish("a.log", "00")


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_finished_file_has_all_its_content(uploads: FolderUploads) -> None:
    writer = uploads.writer()
    writer.write(b"one ")
    writer.write(b"two")
    upload = writer.finish("a.log", "00")
    assert uploads.path(upload).read_bytes() == b"one two"
    assert (upload.name, upload.size) == ("a.log", 7)


def test_a_file_is_synced_before_its_rename_and_its_folder_after(
    uploads: FolderUploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_disk_calls(monkeypatch)
    upload = stored(uploads)
    folder = tmp_path / "uploads"
    part, whole = folder / "incoming" / str(upload.id), folder / "files" / str(upload.id)
    assert calls == [("fsync", part), ("rename", whole), ("fsync", whole.parent)]


def test_abort_leaves_nothing_before_and_after_finish(
    uploads: FolderUploads, tmp_path: Path
) -> None:
    half = uploads.writer()
    half.write(b"x")
    half.abort()
    whole = uploads.writer()
    whole.finish("a.log", "00")
    whole.abort()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_of_dead_writers_are_deleted_and_those_of_living_ones_are_not(
    uploads: FolderUploads, tmp_path: Path
) -> None:
    living, dead, young = uploads.writer(), uploads.writer(), uploads.writer()
    for writer in (dead, young):
        writer._file.close()  # frees the lock, as its death does
    for writer in (living, dead):
        age(writer._part, 120)
    assert uploads.delete_abandoned() == 1
    assert {path.name for path in (tmp_path / "uploads/incoming").iterdir()} == {
        living._part.name,
        young._part.name,
    }
    living.abort()


def test_a_file_without_a_job_is_found_after_its_grace_period(bench: Bench) -> None:
    uploads = folder_of(bench.store)
    needed, orphan, young = stored(uploads), stored(uploads), stored(uploads)
    bench.enqueue(upload=needed)
    for upload in (needed, orphan):
        age(uploads.path(upload), GRACE_SECONDS + 1)
    assert uploads.past_grace() == {needed.id, orphan.id}
    assert retention.unknown_uploads(bench.store.database, uploads.past_grace()) == {orphan.id}
    assert young.id not in uploads.past_grace()


@pytest.mark.parametrize("can_touch", [True, False])
def test_the_clock_of_the_program_that_sweeps_does_not_matter(
    uploads: FolderUploads, monkeypatch: pytest.MonkeyPatch, can_touch: bool
) -> None:
    stored(uploads)
    writer = uploads.writer()
    writer._file.close()
    if can_touch:
        monkeypatch.setattr(time, "time", lambda: 4e9)
    else:
        monkeypatch.setattr(os, "utime", Mock(side_effect=PermissionError))
    assert uploads.past_grace() == set()
    assert uploads.delete_abandoned() == 0


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("a file in the way")
    with pytest.raises(StoreUnusable, match="uploads"):
        FolderUploads(tmp_path / "uploads")


def test_final_jobs_are_pruned_after_their_time_with_attempts_and_uploads(bench: Bench) -> None:
    upload = Upload(uuid4(), "a.log", 1, "00")
    old = bench.enqueue("analyze", upload=upload)
    runner = bench.runner()
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    bench.clock.forward(10)
    canceled = bench.enqueue()
    bench.jobs.cancel(canceled)
    queued = bench.enqueue()
    assert Retention(bench.store.database, (), 5000).prune(bench.clock()) == (1, [upload.id])
    assert bench.jobs.get(old) is None
    assert {job.id for job in bench.jobs.list(Filters(), 9).jobs} == {canceled, queued}
    assert retention.unknown_uploads(bench.store.database, {upload.id}) == {upload.id}
    assert Retention(bench.store.database, (), 0).prune(bench.clock() + 1) == (1, [])
    assert Retention(bench.store.database, (), 0).prune(bench.clock() + 1) == (0, [])


def test_a_file_of_two_finished_jobs_survives_the_pruning_of_one(bench: Bench) -> None:
    upload, database = Upload(uuid4(), "a.log", 1, "00"), bench.store.database
    old = bench.enqueue("analyze", upload=upload)
    bench.jobs.cancel(old)
    bench.clock.forward(10)
    young = bench.enqueue("analyze", source=old)
    bench.jobs.cancel(young)
    assert Retention(database, (), 5000).prune(bench.clock()) == (1, [])
    assert bench.job(young).upload == upload
    assert Retention(database, (), 0).prune(bench.clock() + 1) == (1, [upload.id])


def test_jobs_are_pruned_batch_by_batch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(3):
        bench.jobs.cancel(bench.enqueue())
    pruned = [Retention(bench.store.database, (), 0).prune(bench.clock() + 1)[0] for _ in range(3)]
    assert pruned == [2, 1, 0]
