"""What holds for uploads wherever they are kept."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from runner.job_types import loader as job_types
from storage.jobs import retention
from storage.records.job import Upload
from tests.support.disk.upload_stores import InBucket, InFolder, Place
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench

SIZES = [0, 1, 8 << 20, (20 << 20) + 7]
"""Also as many parts, and no part."""


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return InFolder(tmp_path / "uploads")
    bucket: Bucket = request.getfixturevalue("bucket")
    return InBucket(bucket)


def pieces(size: int) -> Iterator[bytes]:
    """Bytes that come in an odd number at a time."""
    data = hashlib.shake_256(b"seed").digest(size)
    return (data[at : at + 1_000_003] for at in range(0, size, 1_000_003))


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_there_only_once_it_is_whole(place: Place, size: int) -> None:
    writer = place.uploads.writer()
    for piece in pieces(size):
        writer.write(piece)
    writer.write(b"")
    assert place.uploads.access(Upload(uuid4(), "x", 1, "00"), None)
    upload = writer.finish("a.log", "00")
    assert (upload.name, upload.size, upload.sha256) == ("a.log", size, "00")
    assert place.content(upload.id) == b"".join(pieces(size))
    assert len(place.left()) == 1


def test_memory_that_was_written_from_may_be_used_anew(place: Place) -> None:
    writer, memory = place.uploads.writer(), bytearray(3 * 1024**2)
    written = []
    for byte in b"abcde":
        memory[:] = bytes([byte]) * len(memory)
        written.append(bytes(memory))
        writer.write(memoryview(memory))
    upload = writer.finish("a.log", "00")
    assert place.content(upload.id) == b"".join(written)


@pytest.mark.parametrize("size", SIZES)
def test_an_aborted_file_leaves_nothing(place: Place, size: int) -> None:
    writer = place.uploads.writer()
    for piece in pieces(size):
        writer.write(piece)
    writer.abort()
    assert place.left() == []


def test_a_whole_file_whose_job_could_not_be_stored_is_aborted(place: Place) -> None:
    writer = place.uploads.writer()
    writer.write(b"text")
    writer.finish("a.log", "00")
    writer.abort()
    assert place.left() == []


def test_files_are_deleted_and_what_is_gone_is_no_error(place: Place) -> None:
    first, second, third = place.store(), place.store(), place.store()
    place.uploads.delete([])
    place.uploads.delete([first.id, uuid4(), third.id])
    assert [UUID(name.rpartition("/")[2]) for name in place.left()] == [second.id]


def test_what_no_job_has_is_swept_after_its_grace(place: Place, bench: Bench) -> None:
    needed, orphan = place.store(), place.store()
    bench.enqueue(upload=needed)

    def unknown(ids: set[UUID]) -> set[UUID]:
        return retention.unknown_uploads(bench.store.database, ids)

    place.uploads.sweep(unknown)
    assert len(place.left()) == 2
    place.pass_grace([needed.id, orphan.id])
    young = place.store()
    place.uploads.sweep(unknown)
    left = {UUID(name.rpartition("/")[2]) for name in place.left()}
    assert left == {needed.id, young.id}


def read_by(type: str, place: Place, upload: Upload) -> Any:
    """What a job of a type returns that gets a file as a runner hands it over."""
    entry = job_types.load(["tests.support.job_types.uploads"])
    access = {**place.uploads.access(upload, 60), "name": upload.name, "size": upload.size}
    request = {"job_id": "1", "attempt": 1, "type": type, "payload": {}, "upload": access}
    return json.loads(entry(json.dumps(request), print))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("type", ["digest", "digest_of_path"])
def test_a_job_type_reads_its_file(
    place: Place, type: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # as in a job
    upload = place.store(b"".join(pieces(size)))
    assert read_by(type, place, upload) == upload.sha256
