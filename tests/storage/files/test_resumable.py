"""Resumable uploads, tested with a folder and with a bucket."""

import hashlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest

from storage.db.clock import machine_clock
from storage.files import bucket_objects as bucket_module
from storage.files.bucket_access import open_bucket
from storage.files.folder import FolderUploads
from storage.files.resumable.bucket import PIECE_BYTES, BucketResumables
from storage.files.resumable.folder import FolderResumables
from storage.files.resumable.uploads import (
    OffsetConflict,
    ResumableUploads,
    UploadBusy,
    UploadGone,
)
from storage.records.job import StoreUnavailable
from storage.records.resumable_upload import ResumableUpload
from storage.settings.settings import Settings
from tests.support.servers.s3 import PREFIX, Bucket

KEEP = 3600.0
CONTENT = hashlib.shake_256(b"seed").digest(PIECE_BYTES + 1_000_003)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Backend(ABC):
    """Storage under test."""

    uploads: ResumableUploads

    @abstractmethod
    def copied(self, id: UUID) -> bytes:
        """The content of a copy."""

    @abstractmethod
    def left(self) -> list[str]:
        """Names of all that is stored for uploads."""

    def begin(self, size: int = len(CONTENT), caller: str | None = "ann") -> UUID:
        """Begin an upload."""
        now = round(time.time() * 1000)
        upload = ResumableUpload(uuid4(), "a.log", size, caller, now)
        self.uploads.create(upload)
        return upload.id

    def send(self, id: UUID, start: int, end: int) -> None:
        """Append a part of CONTENT."""
        writer = self.uploads.append(id, start)
        writer.write(CONTENT[start:end])
        writer.finish("", "")

    def offset(self, id: UUID) -> int:
        """The offset of an upload."""
        found = self.uploads.get(id)
        assert found
        return found.offset

    def whole(self) -> ResumableUpload:
        """A complete upload."""
        id = self.begin()
        self.send(id, 0, len(CONTENT))
        self.uploads.complete(id)
        found = self.uploads.get(id)
        assert found
        return found


class FolderBackend(Backend):
    def __init__(self, folder: Path):
        self.folder = folder
        self.uploads: ResumableUploads = FolderResumables(FolderUploads(folder))

    def copied(self, id: UUID) -> bytes:
        return (self.folder / "files" / str(id)).read_bytes()

    def left(self) -> list[str]:
        return [str(each) for each in (self.folder / "partial").rglob("*")]


class BucketBackend(Backend):
    def __init__(self, bucket: Bucket):
        self.bucket = bucket
        opened = open_bucket(Settings.read(bucket.settings), 10, 1)
        self.uploads = BucketResumables(opened, machine_clock)

    def copied(self, id: UUID) -> bytes:
        return self.bucket.read(id)

    def left(self) -> list[str]:
        keys = self.bucket.keys()
        return [key for key in keys if key.startswith(f"{PREFIX}/partial")]


@pytest.fixture(params=["folder", "bucket"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    if request.param == "folder":
        yield FolderBackend(tmp_path / "uploads")
    else:
        yield BucketBackend(request.getfixturevalue("bucket"))


def test_all_uploads_are_listed_as_they_are(backend: Backend) -> None:
    ids = [backend.begin(5), backend.begin(7, "bob"), backend.begin(9, None), backend.whole().id]
    backend.send(ids[0], 0, 3)
    for _ in range(2):
        found = {each.id: each for each in backend.uploads.all()}
        assert found == {id: backend.uploads.get(id) for id in ids}
    for id in ids[:2]:
        backend.uploads.delete(id)
    assert {each.id for each in backend.uploads.all()} == set(ids[2:])


def test_an_upload_that_becomes_complete_is_listed_with_its_hash(backend: Backend) -> None:
    id = backend.begin()
    assert [each.sha256 for each in backend.uploads.all()] == [None]
    backend.send(id, 0, len(CONTENT))
    backend.uploads.complete(id)
    assert [(each.offset, each.sha256) for each in backend.uploads.all()] == [
        (len(CONTENT), SHA256)
    ]


def test_expired_uploads_are_left_out(backend: Backend) -> None:
    backend.begin()
    assert len(backend.uploads.unexpired(60_000)) == 1
    assert backend.uploads.unexpired(-60_000) == []


def test_a_new_upload_has_no_bytes(backend: Backend) -> None:
    id = backend.begin(5)
    found = backend.uploads.get(id)
    assert found
    assert (found.name, found.size, found.created_by) == ("a.log", 5, "ann")
    assert (found.offset, found.sha256, found.has_all) == (0, None, False)
    assert backend.uploads.count() == 1
    assert backend.uploads.get(uuid4()) is None


def test_bytes_are_appended_by_several_writers_and_become_one_file(backend: Backend) -> None:
    id = backend.begin()
    backend.send(id, 0, 5)
    backend.send(id, 5, PIECE_BYTES + 7)
    assert backend.offset(id) == PIECE_BYTES + 7
    backend.send(id, PIECE_BYTES + 7, len(CONTENT))
    backend.uploads.complete(id)
    found = backend.uploads.get(id)
    assert found
    assert (found.offset, found.sha256) == (len(CONTENT), SHA256)
    copy = backend.uploads.copy(found)
    assert (copy.name, copy.size, copy.sha256) == ("a.log", len(CONTENT), SHA256)
    assert copy.id != id
    assert backend.copied(copy.id) == CONTENT


def test_a_writer_that_is_aborted_keeps_its_bytes(backend: Backend) -> None:
    id = backend.begin()
    writer = backend.uploads.append(id, 0)
    writer.write(CONTENT[:1000])
    writer.abort()
    writer.abort()
    assert backend.offset(id) == 1000
    backend.send(id, 1000, 1005)
    assert backend.offset(id) == 1005


def test_a_writer_that_verifies_keeps_nothing_unless_it_finishes(backend: Backend) -> None:
    id = backend.begin()
    backend.send(id, 0, 10)
    for end in ("abort", "discard"):
        writer = backend.uploads.append(id, 10, verify=True)
        writer.write(CONTENT[10:2000])
        assert backend.offset(id) == 10
        getattr(writer, end)()
        assert backend.offset(id) == 10
    writer = backend.uploads.append(id, 10, verify=True)
    writer.write(CONTENT[10:2000])
    writer.finish("", "")
    assert backend.offset(id) == 2000


def test_bytes_at_another_offset_are_refused(backend: Backend) -> None:
    id = backend.begin()
    backend.send(id, 0, 10)
    for wrong in (0, 9, 11):
        with pytest.raises(OffsetConflict) as caught:
            backend.uploads.append(id, wrong)
        assert caught.value.offset == 10


def test_of_two_writers_at_one_offset_only_one_goes_on(backend: Backend) -> None:
    id = backend.begin()
    first = backend.uploads.append(id, 0)
    with pytest.raises(UploadBusy):  # a folder refuses it at once, a bucket when it stores bytes
        _append_zeros(backend, id, first)
    assert backend.offset(id) == 10
    backend.send(id, 10, len(CONTENT))
    backend.uploads.complete(id)
    found = backend.uploads.get(id)
    assert found
    assert found.sha256 == SHA256


def _append_zeros(backend: Backend, id: UUID, first: object) -> None:
    """Let a second writer write zeros, and the first one end in between."""
    try:
        second = backend.uploads.append(id, 0)
    finally:
        first.write(CONTENT[:10])  # type: ignore[attr-defined]
        first.finish("", "")  # type: ignore[attr-defined]
    second.write(bytes(10))
    second.finish("", "")


def test_the_hash_that_is_known_is_stored_and_only_of_a_whole_file(backend: Backend) -> None:
    id = backend.begin()
    backend.send(id, 0, 10)
    with pytest.raises(OffsetConflict):
        backend.uploads.complete(id, SHA256)
    backend.send(id, 10, len(CONTENT))
    backend.uploads.complete(id, SHA256)
    backend.uploads.complete(id, "00")  # it has one already
    found = backend.uploads.get(id)
    assert found
    assert found.sha256 == SHA256


def test_a_hash_that_is_given_up_is_computed_by_the_next_call(backend: Backend) -> None:
    id = backend.begin()
    backend.send(id, 0, len(CONTENT))
    with pytest.raises(StoreUnavailable, match="the program stops"):
        backend.uploads.complete(id, give_up=lambda: True)
    found = backend.uploads.get(id)
    assert found
    assert (found.has_all, found.sha256) == (True, None)
    backend.uploads.complete(id)
    found = backend.uploads.get(id)
    assert found
    assert found.sha256 == SHA256


def test_an_empty_file_is_complete(backend: Backend) -> None:
    id = backend.begin(0)
    backend.uploads.complete(id)
    found = backend.uploads.get(id)
    assert found
    assert found.sha256 == hashlib.sha256().hexdigest()
    assert backend.copied(backend.uploads.copy(found).id) == b""


def test_a_complete_file_takes_no_more_bytes(backend: Backend) -> None:
    upload = backend.whole()
    with pytest.raises(OffsetConflict):
        backend.uploads.append(upload.id, 0)
    writer = backend.uploads.append(upload.id, len(CONTENT))
    writer.finish("", "")
    assert backend.offset(upload.id) == len(CONTENT)


def test_a_deleted_upload_is_gone_and_its_copies_stay(backend: Backend) -> None:
    upload = backend.whole()
    copy = backend.uploads.copy(upload)
    backend.uploads.delete(upload.id)
    backend.uploads.delete(upload.id)
    assert backend.uploads.get(upload.id) is None
    assert backend.left() == []
    assert backend.copied(copy.id) == CONTENT
    for call in (
        lambda: backend.uploads.append(upload.id, 0),
        lambda: backend.uploads.complete(upload.id),
        lambda: backend.uploads.copy(upload),
    ):
        with pytest.raises(UploadGone):
            call()


def test_a_writer_notices_that_its_upload_was_deleted(backend: Backend) -> None:
    id = backend.begin()
    writer = backend.uploads.append(id, 0)
    writer.write(b"abc")
    backend.uploads.delete(id)
    with pytest.raises(UploadGone):
        writer.finish("", "")


def test_only_uploads_that_were_not_changed_for_long_are_swept(backend: Backend) -> None:
    old = backend.begin()
    backend.send(old, 0, 10)
    backend.uploads.sweep(KEEP)
    assert backend.offset(old) == 10
    backend.uploads.sweep(-60.0)
    assert backend.uploads.get(old) is None
    assert backend.left() == []


def test_the_clock_of_the_program_that_sweeps_does_not_matter(backend: Backend) -> None:
    id, keep = backend.begin(), KEEP
    if isinstance(backend.uploads, BucketResumables):  # this program's clock is two hours ahead
        keep, store_time = -KEEP, machine_clock() - 7_200_000
        backend.uploads._clock = lambda: store_time
    with patch.object(time, "time", lambda: 4e9):
        backend.uploads.sweep(keep)
    assert backend.offset(id) == 0


def test_many_uploads_are_written_at_once(backend: Backend) -> None:
    ids = [backend.begin(1000) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda id: backend.send(id, 0, 1000), ids))
    assert [backend.offset(id) for id in ids] == [1000] * 8


def test_a_folder_keeps_an_upload_that_is_being_written(tmp_path: Path) -> None:
    backend = FolderBackend(tmp_path)
    id = backend.begin()
    writer = backend.uploads.append(id, 0)
    backend.uploads.sweep(-60.0)
    writer.finish("", "")
    assert backend.offset(id) == 0


def test_a_folder_drops_the_unverified_bytes_of_a_killed_writer(tmp_path: Path) -> None:
    backend = FolderBackend(tmp_path)
    id = backend.begin()
    backend.send(id, 0, 10)
    writer = backend.uploads.append(id, 10, verify=True)
    writer.write(CONTENT[10:5000])
    writer._file.close()  # type: ignore[attr-defined]  # as after SIGKILL: nothing else is done
    assert backend.offset(id) == 10
    backend.send(id, 10, 20)
    assert backend.offset(id) == 20
    data = tmp_path / "partial" / str(id) / "data"
    assert data.read_bytes() == CONTENT[:20]


def test_a_copy_in_a_folder_is_a_link_which_is_swept_only_after_an_hour(tmp_path: Path) -> None:
    backend = FolderBackend(tmp_path)
    upload = backend.whole()
    data = tmp_path / "partial" / str(upload.id) / "data"
    os.utime(data, (0, 0))
    copy = backend.uploads.copy(upload)
    assert data.stat().st_nlink == 2
    assert FolderUploads(tmp_path).past_grace() == set()
    assert backend.copied(copy.id) == CONTENT


def test_a_file_system_without_links_gets_a_real_copy(tmp_path: Path) -> None:
    backend = FolderBackend(tmp_path)
    upload = backend.whole()
    with patch("os.link", side_effect=PermissionError(1, "no links")):
        copy = backend.uploads.copy(upload)
    assert backend.copied(copy.id) == CONTENT
    assert (tmp_path / "partial" / str(upload.id) / "data").stat().st_nlink == 1


def test_a_large_object_is_copied_without_s3(bucket: Bucket) -> None:
    backend = BucketBackend(bucket)
    upload = backend.whole()
    with patch.object(bucket_module, "MAX_COPY_BYTES", 10):
        assert backend.copied(backend.uploads.copy(upload).id) == CONTENT
    assert bucket.open_parts() == []


def test_objects_of_others_are_not_swept(bucket: Bucket) -> None:
    backend = BucketBackend(bucket)
    bucket.put("partial/notes/x", b"x")
    backend.uploads.sweep(-60.0)
    assert len(bucket.keys()) == 1
