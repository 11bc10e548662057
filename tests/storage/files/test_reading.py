"""Reading uploads and files of jobs, from a folder and from a bucket."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from storage.files.reading import FileReader, FolderReader
from storage.records.job import StoreUnavailable, Upload
from storage.records.job_file import ArtifactKey, JobFile
from tests.support.disk.upload_stores import BucketBackend, UploadBackend
from tests.support.servers.s3 import Bucket

DATA = bytes(range(256)) * 4


Open = Callable[..., FileReader | None]


@pytest.fixture(params=["upload", "file of a job"])
def opened(request: pytest.FixtureRequest, backend: UploadBackend) -> tuple[Open, Open]:
    """Opens a stored file, and a file that was stored with another size."""
    uploads = backend.uploads
    if request.param == "upload":
        upload: Upload = backend.store(DATA)
        other = replace(upload, size=len(DATA) - 1)
        return lambda *span: uploads.open(upload, *span), lambda: uploads.open(other)
    key = ArtifactKey(uuid4(), 1, uuid4())
    writer = uploads.artifacts.writer(key)
    writer.write(DATA)
    writer.finish()
    file = JobFile(key.job_id, "a", 0, len(DATA), "text/plain", "00", key.file_id, key.attempt)
    cut = replace(file, size=len(DATA) - 1)
    return lambda *span: uploads.artifacts.open(file, *span), lambda: uploads.artifacts.open(cut)


def read(reader: FileReader | None, size: int, step: int = 100) -> bytes:
    """Read up to `size` bytes in steps, and close the reader."""
    assert reader
    found = b""
    while len(found) < size and (data := reader.read(min(step, size - len(found)))):
        found += data
    reader.close()
    return found


def test_a_file_is_read_from_any_offset(opened: tuple[Open, Open]) -> None:
    open_file, _ = opened
    assert read(open_file(), 2000) == DATA
    assert read(open_file(300), 2000) == DATA[300:]
    assert read(open_file(300, 310), 10) == DATA[300:310]
    assert read(open_file(len(DATA)), 10) == b""


def test_a_file_of_another_size_is_gone(opened: tuple[Open, Open]) -> None:
    _, open_other = opened
    assert open_other() is None


def test_a_file_that_does_not_exist_is_gone(backend: UploadBackend) -> None:
    uploads, id_ = backend.uploads, uuid4()
    assert uploads.open(Upload(id_, "a", 1, "00")) is None
    assert uploads.artifacts.open(JobFile(id_, "a", 0, 1, "text/plain", "00", id_, 1)) is None


def test_an_object_that_is_deleted_meanwhile_is_unavailable(bucket: Bucket) -> None:
    backend = BucketBackend(bucket)
    reader = backend.uploads.open(upload := backend.store(DATA))
    assert reader
    assert reader.read(10) == DATA[:10]
    backend.uploads.delete([upload.id])
    with pytest.raises(StoreUnavailable):
        reader.read(10)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(StoreUnavailable):
        FolderReader(tmp_path / "link")
