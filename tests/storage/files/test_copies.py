"""Copies of stored files for new jobs, in a folder and in a bucket."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import pytest

from storage.files.folder import FolderUploads
from storage.jobs.retention import delete_job
from storage.queries.files_by_hash import MAX_FILES, files_by_hash
from storage.records.job import Fence, Upload
from storage.records.job_file import JobFile
from tests.support.disk.upload_stores import FolderBackend, UploadBackend
from tests.support.job_files import complete_with_files, store_file
from tests.support.stores import Bench

CONTENT = hashlib.shake_256(b"seed").digest(100_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["upload", "file of a job"])
def source(request: pytest.FixtureRequest, backend: UploadBackend) -> Upload | JobFile:
    if request.param == "upload":
        return backend.store(CONTENT)
    fence = Fence(uuid4(), "runner", 1)
    return store_file(backend.uploads.artifacts, fence, "out/a.log", CONTENT)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def delete(backend: UploadBackend, source: Upload | JobFile) -> None:
    if isinstance(source, JobFile):
        backend.uploads.artifacts.delete([source.key])
    else:
        backend.uploads.delete([source.id])


def test_a_copy_stays_when_its_source_is_deleted(
    backend: UploadBackend, source: Upload | JobFile
) -> None:
    copy = backend.uploads.copy(source, "b.log")
    assert copy
    assert (copy.name, copy.size, copy.sha256) == ("b.log", len(CONTENT), SHA256)
    delete(backend, source)
    assert backend.content(copy.id) == CONTENT
    assert len(backend.left()) == 1


def test_a_file_that_is_gone_has_no_copy(backend: UploadBackend, source: Upload | JobFile) -> None:
    delete(backend, source)
    assert backend.uploads.copy(source, "b.log") is None
    assert backend.left() == []


def test_a_file_that_was_cut_has_no_copy(backend: UploadBackend) -> None:
    whole = backend.store(CONTENT)
    longer = Upload(whole.id, whole.name, whole.size + 1, whole.sha256)
    assert backend.uploads.copy(longer, "b.log") is None
    assert len(backend.left()) == 1


def test_a_file_that_is_deleted_while_it_is_copied_has_no_copy(
    backend: UploadBackend, source: Upload | JobFile, stack: ExitStack
) -> None:
    delete(backend, source)
    uploads = backend.uploads
    for where in (uploads, uploads.artifacts):  # it is there when they look
        stack.enter_context(patch.object(where, "size", return_value=source.size))
    assert uploads.copy(source, "b.log") is None
    assert backend.left() == []


def test_a_link_of_an_old_file_is_swept_only_after_an_hour(tmp_path: Path) -> None:
    backend = FolderBackend(tmp_path)
    old = backend.store(CONTENT)
    backend.pass_grace([old.id])
    copy = backend.uploads.copy(old, "b.log")
    assert copy
    assert FolderUploads(tmp_path).past_grace() == set()


def test_files_are_found_by_their_hash(bench: Bench) -> None:
    database = bench.store.database
    uploads = [FolderBackend(bench.store.settings.data_dir / "uploads").store(CONTENT)]
    assert files_by_hash(database, SHA256) == []
    given = bench.enqueue("analyze", upload=uploads[0])
    bench.jobs.cancel(given)
    left = bench.enqueue()
    assert complete_with_files(bench, bench.runner(), {"a": CONTENT, "b": CONTENT}) == left
    found = files_by_hash(database, SHA256)
    assert [job_id for job_id, _ in found] == [given, left, left]
    assert found[0][1] == uploads[0]
    assert {file.name for _, file in found[1:]} == {"a", "b"}
    delete_job(database, left)
    assert [job_id for job_id, _ in files_by_hash(database, SHA256)] == [given]


def test_only_some_of_many_equal_files_are_read(bench: Bench) -> None:
    bench.enqueue()
    files = {f"{number}": CONTENT[:1] for number in range(MAX_FILES + 1)}
    complete_with_files(bench, bench.runner(), files)
    digest = hashlib.sha256(CONTENT[:1]).hexdigest()
    assert len(files_by_hash(bench.store.database, digest)) == MAX_FILES
