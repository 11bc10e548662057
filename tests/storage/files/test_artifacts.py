"""The storage of files that jobs leave, in a folder and in a bucket."""

import errno
import hashlib
import os
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest

from storage.files import artifacts as artifacts_module
from storage.files.artifacts import Artifacts
from storage.files.bucket import BucketUploads
from storage.files.bucket_access import open_bucket
from storage.files.data_file import DataFile
from storage.files.folder import FolderUploads
from storage.files.uploads import GRACE_SECONDS
from storage.records.job import StoreFull, StoreUnavailable
from storage.records.job_file import ArtifactKey
from storage.settings.settings import Settings
from tests.support.disk.upload_stores import BucketBackend, FolderBackend, UploadBackend
from tests.support.servers.s3 import Bucket

SIZES = [0, 1, 8 << 20, (20 << 20) + 7]


def new_key() -> ArtifactKey:
    return ArtifactKey(uuid4(), 1, uuid4())


def stored(artifacts: Artifacts, data: bytes = b"text") -> ArtifactKey:
    key = new_key()
    writer = artifacts.writer(key)
    writer.write(data)
    writer.finish()
    artifacts.sync()
    return key


def names(backend: UploadBackend) -> list[str]:
    return [name.rpartition("/")[2] for name in backend.left()]


def test_a_key_is_read_from_its_text_and_from_no_other() -> None:
    key = ArtifactKey(uuid4(), 12, uuid4())
    assert ArtifactKey.parse(str(key)) == key
    for text in ("", f"{key}.tmp", f"x{key}", str(key).upper(), f"{key.job_id}", "notes.txt"):
        assert ArtifactKey.parse(text) is None


@pytest.mark.heavy
@pytest.mark.parametrize("size", SIZES)
def test_a_file_keeps_its_bytes(backend: UploadBackend, size: int) -> None:
    artifacts, key = backend.uploads.artifacts, new_key()
    writer, data = artifacts.writer(key), hashlib.shake_256(b"seed").digest(size)
    for start in range(0, size, 1_000_003):
        writer.write(memoryview(data)[start : start + 1_000_003])
    assert writer.size == size
    writer.finish()
    assert artifacts.size(key) == size
    assert names(backend) == [str(key)]
    if isinstance(backend, BucketBackend):
        assert backend.bucket.read(f"artifacts/{key}") == data
    else:
        assert (backend.uploads.folder or Path()).joinpath(
            "artifacts", str(key)
        ).read_bytes() == data


@pytest.mark.heavy
@pytest.mark.parametrize("size", SIZES)
def test_an_aborted_file_leaves_nothing(backend: UploadBackend, size: int) -> None:
    artifacts = backend.uploads.artifacts
    begun, finished = artifacts.writer(new_key()), artifacts.writer(new_key())
    for writer in (begun, finished):
        writer.write(bytes(size))
    finished.finish()
    for writer in (begun, finished):
        writer.abort()
    assert backend.left() == []


def test_files_are_deleted_and_missing_ones_are_ignored(backend: UploadBackend) -> None:
    artifacts = backend.uploads.artifacts
    first, second = stored(artifacts), stored(artifacts)
    artifacts.delete([])
    artifacts.delete([first, new_key()])
    assert (artifacts.size(first), artifacts.size(second)) == (None, 4)


def test_a_sweep_deletes_unused_files_and_nothing_else(backend: UploadBackend) -> None:
    artifacts = backend.uploads.artifacts
    used, unused, upload = stored(artifacts), stored(artifacts), backend.store()
    asked = set()

    def find(keys: set[ArtifactKey]) -> set[ArtifactKey]:
        asked.update(keys)
        return {unused} & keys

    artifacts.sweep(find)
    assert asked == {used, unused}
    assert sorted(names(backend)) == sorted([str(used), str(upload.id)])


def test_a_sweep_looks_up_some_files_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts_module, "_AT_ONCE", 2)
    artifacts = FolderUploads(tmp_path).artifacts
    keys, asked = {stored(artifacts) for _ in range(5)}, list[set[ArtifactKey]]()
    artifacts.sweep(lambda some: asked.append(some) or some)  # type: ignore[func-returns-value]
    assert [len(some) for some in asked] == [2, 2, 1]
    assert set().union(*asked) == keys
    assert list((tmp_path / "artifacts").iterdir()) == []


def test_the_sweep_of_uploads_leaves_files_of_jobs_alone(backend: UploadBackend) -> None:
    """The sweep of the previous release, too, which knows nothing of these files."""
    key = stored(backend.uploads.artifacts)
    if isinstance(backend, FolderBackend):
        then = os.stat(backend.uploads.folder).st_mtime - 2 * GRACE_SECONDS
        os.utime(backend.uploads.artifacts.path(key), (then, then))
    for _ in range(2):
        backend.uploads.sweep(lambda ids: ids)
        backend.pass_grace([])
    backend.uploads.sweep(lambda ids: ids)
    assert backend.uploads.artifacts.size(key) == 4


def test_a_full_disk_is_told_from_other_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_with(number: int) -> None:
        def write(file: DataFile, data: bytes) -> NoReturn:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(DataFile, "write", write)

    writer = FolderUploads(tmp_path).artifacts.writer(new_key())
    fail_with(errno.ENOSPC)
    with pytest.raises(StoreFull, match="files of jobs: No space left"):
        writer.write(b"x")
    fail_with(errno.EIO)
    with pytest.raises(StoreUnavailable, match="files of jobs: Input/output"):
        writer.write(b"x")
    writer.abort()
    assert list((tmp_path / "artifacts").iterdir()) == []


def test_every_call_reports_that_s3_is_down_and_leaves_deletions_for_later(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    given = Settings.read({**bucket.settings, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    opened = open_bucket(given, 1, 0.2)
    artifacts = BucketUploads(opened, opened).artifacts
    writer = artifacts.writer(new_key())
    writer.write(b"x")
    with pytest.raises(StoreUnavailable):
        writer.finish()
    writer.abort()
    with pytest.raises(StoreUnavailable):
        artifacts.size(new_key())
    with pytest.raises(StoreUnavailable):
        artifacts.sweep(lambda keys: keys)
    artifacts.delete([new_key()])
    said = [record.getMessage() for record in caplog.records]
    assert said.count("files of jobs are left to a sweep") == 2
