"""The interface of upload storage, tested with a folder and with a bucket."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from runner.job_types.registry import loader as job_types
from storage.jobs import retention
from storage.records.job import Upload
from tests.server.api.uploads.test_zip_records import archive_of
from tests.support.disk.upload_stores import UploadBackend
from tests.support.stores import Bench

SIZES = [0, 1, 8 << 20, (20 << 20) + 7]
"""File sizes in bytes; the last two fill one part of a multipart upload, and several."""


def pieces(size: int) -> Iterator[bytes]:
    """Yield data in pieces of an odd size."""
    data = hashlib.shake_256(b"seed").digest(size)
    return (data[at : at + 1_000_003] for at in range(0, size, 1_000_003))


@pytest.mark.heavy
@pytest.mark.parametrize("size", SIZES)
def test_a_file_exists_only_once_it_is_complete(backend: UploadBackend, size: int) -> None:
    writer = backend.uploads.writer()
    for piece in pieces(size):
        writer.write(piece)
    writer.write(b"")
    assert backend.uploads.access(Upload(uuid4(), "x", 1, "00"), None)
    upload = writer.finish("a.log", "00")
    assert (upload.name, upload.size, upload.sha256) == ("a.log", size, "00")
    assert backend.content(upload.id) == b"".join(pieces(size))
    assert len(backend.left()) == 1


def test_the_caller_may_reuse_the_memory_after_a_write(backend: UploadBackend) -> None:
    writer, memory = backend.uploads.writer(), bytearray(3 * 1024**2)
    written = []
    for byte in b"abcde":
        memory[:] = bytes([byte]) * len(memory)
        written.append(bytes(memory))
        writer.write(memoryview(memory))
    upload = writer.finish("a.log", "00")
    assert backend.content(upload.id) == b"".join(written)


@pytest.mark.parametrize("size", SIZES)
def test_an_aborted_file_leaves_nothing(backend: UploadBackend, size: int) -> None:
    writer = backend.uploads.writer()
    for piece in pieces(size):
        writer.write(piece)
    writer.abort()
    assert backend.left() == []


def test_a_finished_file_can_be_aborted(backend: UploadBackend) -> None:
    writer = backend.uploads.writer()
    writer.write(b"text")
    writer.finish("a.log", "00")
    writer.abort()
    assert backend.left() == []


def test_files_are_deleted_and_missing_ones_are_ignored(backend: UploadBackend) -> None:
    first, second, third = backend.store(), backend.store(), backend.store()
    backend.uploads.delete([])
    backend.uploads.delete([first.id, uuid4(), third.id])
    assert [UUID(name.rpartition("/")[2]) for name in backend.left()] == [second.id]


def test_files_without_a_job_are_swept_after_their_grace_period(
    backend: UploadBackend, bench: Bench
) -> None:
    needed, orphan = backend.store(), backend.store()
    bench.enqueue(upload=needed)

    def find_orphans(ids: set[UUID]) -> set[UUID]:
        return retention.unknown_uploads(bench.store.database, ids)

    backend.uploads.sweep(find_orphans)
    assert len(backend.left()) == 2
    backend.pass_grace([needed.id, orphan.id])
    young = backend.store()
    backend.uploads.sweep(find_orphans)
    left = {UUID(name.rpartition("/")[2]) for name in backend.left()}
    assert left == {needed.id, young.id}


def read_by(type: str, backend: UploadBackend, upload: Upload) -> Any:
    """Run a job type with a file, as a runner passes it to a job; return its result."""
    entry = job_types.load(["tests.support.job_types.uploads"])
    access = {**backend.uploads.access(upload, 60), "name": upload.name, "size": upload.size}
    request = {"job_id": "1", "attempt": 1, "type": type, "payload": {}, "upload": access}
    return json.loads(entry(json.dumps(request), print))


@pytest.mark.heavy
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("type", ["digest", "digest_of_path"])
def test_a_job_type_reads_its_file(
    backend: UploadBackend, type: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # as in a job
    upload = backend.store(b"".join(pieces(size)))
    assert read_by(type, backend, upload) == upload.sha256


def test_a_job_type_reads_several_files(
    backend: UploadBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # as in a job
    files = [("a.log", b"".join(pieces(3_000_000))), ("b.log", b""), ("c.log", b"text")]
    upload = backend.store(archive_of(files), "a.log and 2 more.zip")
    digests = [[name, hashlib.sha256(content).hexdigest()] for name, content in files]
    assert read_by("digests_of_all", backend, upload) == digests
    one = backend.store(b"text", "text.log")
    assert read_by("digests_of_all", backend, one) == [["text.log", digests[2][1]]]
