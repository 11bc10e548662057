"""Large files of both clients: in pieces, interrupted, changed, and refused in time."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from jobservice import ApiError, Client, FileChanged, Job, UploadState, pieces, requests
from jobservice.documents import UploadData
from jobservice.pieces import Hashed, Piece
from jobservice.uploads import Source
from tests.support.client_restarts import restart
from tests.support.programs import Service
from tests.support.waiting import wait_for

SIZE = 3_000_000
CONTENT = os.urandom(SIZE)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "big.log"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def small_pieces() -> Iterator[None]:
    """Makes files large, and pieces small."""
    with patch.object(pieces, "PIECE_BYTES", 1_000_000), patch.object(pieces, "LARGE_BYTES", SIZE):
        yield


@pytest.mark.heavy
def test_a_file_is_sent_in_pieces(api: Client, path: Path, small_pieces: None) -> None:
    seen: list[tuple[int, int | None]] = []
    begun: list[UploadState] = []
    upload = api.uploads.send(
        path, on_progress=lambda *now: seen.append(now), on_begin=begun.append
    )
    assert (upload.name, upload.size, upload.offset) == ("big.log", SIZE, SIZE)
    assert upload.sha256 == SHA256
    assert seen[-1] == (SIZE, SIZE)
    assert [sent for sent, _ in seen] == sorted(sent for sent, _ in seen)
    assert begun[0].upload_id == upload.upload_id
    job = api.submit("analyze", {"patterns": ["ERROR"]}, upload=upload)
    assert job.refresh().data.upload.sha256 == SHA256  # type: ignore[union-attr]
    assert job.wait().status == "succeeded"
    assert api.uploads.get(upload).sha256 == SHA256
    assert upload.upload_id in {each.upload_id for each in api.uploads.list()}
    api.uploads.delete(upload)
    assert upload.upload_id not in {each.upload_id for each in api.uploads.list()}
    for call in (api.uploads.get, api.uploads.delete):
        with pytest.raises(ApiError) as caught:
            call(upload.upload_id)
        assert caught.value.code == "upload_not_found"


def test_an_upload_goes_on_where_another_client_has_ended(
    api: Client, path: Path, small_pieces: None
) -> None:
    begun = api.uploads.begin("big.log", SIZE)
    piece = Piece(Hashed(Source(path)), 0, SIZE, None)
    api._transport.send(_request(begun.upload_id, piece))
    sent: list[int] = []
    upload = api.uploads.send(
        path, upload_id=begun.upload_id, on_progress=lambda now, _: sent.append(now)
    )
    assert upload.sha256 == SHA256
    assert min(sent) > 1_000_000


def _request(upload_id: str, piece: Piece) -> Any:
    from jobservice import requests

    return requests.send_piece(upload_id, piece)


def test_a_file_that_has_changed_is_noticed(api: Client, path: Path, small_pieces: None) -> None:
    begun = api.uploads.begin("big.log", SIZE)
    other = bytes(SIZE)
    piece = Piece(Hashed(Source(other)), 0, SIZE, None)
    api._transport.send(_request(begun.upload_id, piece))
    with pytest.raises(FileChanged, match=r"big\.log has changed"):
        api.uploads.send(path, upload_id=begun.upload_id)
    with pytest.raises(FileChanged, match="has 5 bytes, and the upload is for 3000000"):
        api.uploads.send(b"short", upload_id=begun.upload_id)


def test_a_stream_without_a_size_is_refused(api: Client) -> None:
    read_end, write_end = os.pipe()
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream, pytest.raises(ValueError, match="cannot be resumed"):
        api.uploads.send(stream)


def test_the_large_file_of_a_submission_is_sent_as_a_resumable_upload(
    api: Client, path: Path, small_pieces: None, service: Service
) -> None:
    before = _uploads_of(service)
    job = api.submit("analyze", {"patterns": ["ERROR"]}, file=("name.log", path))
    assert job.wait().status == "succeeded"
    upload = job.data.upload
    assert upload
    assert (upload.name, upload.size, upload.sha256) == ("name.log", SIZE, SHA256)
    assert _uploads_of(service) == before


def test_a_file_that_grows_while_it_is_checked_is_sent_as_long_as_it_was(
    api: Client, path: Path, small_pieces: None
) -> None:
    begin = requests.begin_upload

    def grow(name: str, size: int) -> requests.Request:
        with path.open("ab") as file:
            file.write(b"more")
        return begin(name, size)

    with patch.object(requests, "begin_upload", grow):
        job = api.submit("analyze", {"patterns": ["ERROR"]}, file=path)
        sent = api.uploads.send(path)
    upload = job.refresh().data.upload
    assert upload
    assert (upload.size, upload.sha256) == (SIZE, SHA256)
    assert sent.size == SIZE + len(b"more")


def test_a_bad_submission_is_refused_before_its_large_file_is_sent(
    api: Client, path: Path, small_pieces: None, service: Service
) -> None:
    before, sent = _uploads_of(service), list[int]()
    with pytest.raises(ApiError) as caught:
        api.submit("analyze", {"patterns": []}, file=path, on_progress=lambda *now: sent.append(1))
    assert caught.value.field == "payload.patterns"
    assert sent == []
    assert _uploads_of(service) == before


def test_a_file_and_an_upload_are_not_given_together(api: Client, path: Path) -> None:
    with pytest.raises(TypeError, match="either file or upload"):
        api.submit("analyze", {"patterns": ["x"]}, file=path, upload="some-id")


def _uploads_of(service: Service) -> list[str]:
    return sorted(os.listdir(service.folder / "data" / "uploads" / "partial"))


class Slow:
    """Progress of an upload that waits for a kill after each piece that is sent."""

    def __init__(self) -> None:
        self.sent = 0
        self.total_sent = 0
        self._last = 0

    def __call__(self, now: int, size: int | None) -> None:
        self.total_sent += max(0, now - self._last)
        self._last = self.sent = now
        time.sleep(0.02)


@pytest.mark.heavy
def test_an_upload_survives_kills_of_the_listener(listener: Service, path: Path) -> None:
    progress, found = Slow(), list[UploadState]()
    content = CONTENT * 6
    path.write_bytes(content)
    with Client(listener.base_url) as client:

        def send() -> None:
            found.append(client.uploads.send(path, on_progress=progress))

        thread = threading.Thread(target=send, daemon=True)
        with patch("jobservice.uploads.CHUNK_BYTES", 128 * 1024):
            thread.start()
            for _ in range(3):
                reached = progress.sent
                wait_for(lambda: progress.sent > reached + 2_000_000 or not thread.is_alive())  # noqa: B023
                restart(listener)
            thread.join(40)
    assert found[0].sha256 == hashlib.sha256(content).hexdigest()


def test_a_hash_goes_back_a_little_without_reading_all(path: Path) -> None:
    read: list[int] = []

    class Counted(Source):
        def chunks(self, start: int = 0, *given: Any) -> Iterator[bytes]:
            read.append(start)
            return super().chunks(start, *given)

    file = Hashed(Counted(path))
    assert b"".join(file.chunks(SIZE)) == CONTENT
    for back in (SIZE - 1, SIZE - 700_000, 2_000_000):
        file.move(back)
        assert min(read) == 0
        assert read[-1] > back - 2 * pieces.SEND_BYTES
        assert file.sha256(SIZE) == SHA256
    assert read.count(0) == 1


def test_a_hash_begins_again_if_it_has_to_go_far_back(path: Path) -> None:
    with patch.object(pieces, "MAX_EARLIER", 2):
        file = Hashed(Source(path))
    list(file.chunks(SIZE))
    file.move(5)
    assert file.sha256(SIZE) == SHA256


def test_a_file_that_the_service_has_is_not_sent_again(api: Client, tmp_path: Path) -> None:
    content = os.urandom(1000)
    digest = hashlib.sha256(content).hexdigest()
    assert api.uploads.find(digest) is None
    sent: list[int] = []

    def submit(file: Any) -> Job:
        payload = {"patterns": ["ERROR"]}
        report = lambda now, _: sent.append(now)  # noqa: E731
        return api.submit("analyze", payload, file=file, by_hash=True, on_progress=report)

    first = submit(("a.log", content))
    assert max(sent) == 1000
    sent.clear()
    path = tmp_path / "b.log"
    path.write_bytes(content)
    with path.open("rb") as stream:
        jobs = [submit(path), submit(stream)]
        assert stream.tell() == 0
    assert sent == []
    assert len({first.id, *(job.id for job in jobs)}) == 3
    uploads = [job.refresh().data.upload for job in jobs]
    assert [(each.name, each.sha256) for each in uploads if each] == [("b.log", digest)] * 2
    found = api.uploads.find(digest.upper(), "c.log")
    assert found
    assert (found.sha256, found.size, found.name) == (digest, 1000, "c.log")
    job = api.submit("analyze", {"patterns": ["ERROR"]}, upload=found)
    assert job.wait().data.upload == UploadData("c.log", 1000, digest)


def test_a_file_that_is_gone_when_the_job_is_submitted_is_sent(
    api: Client, service: Service
) -> None:
    content, payload = os.urandom(1000), {"patterns": ["x"]}
    api.submit("analyze", payload, file=("a.log", content)).wait()
    (stored,) = (
        path
        for path in (service.folder / "data/uploads/files").iterdir()
        if path.read_bytes() == content
    )
    stored.unlink()
    assert api.uploads.find(hashlib.sha256(content).hexdigest())
    job = api.submit("analyze", payload, file=("a.log", content), by_hash=True)
    assert job.wait().status == "succeeded"


def test_what_cannot_be_read_twice_has_no_hash_before_it_is_sent(api: Client) -> None:
    read_end, write_end = os.pipe()
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        for file, text in ((stream, "cannot be read twice"), ([b"a"], "one file"), (None, "one")):
            with pytest.raises(ValueError, match=text):
                api.submit("analyze", {"patterns": ["x"]}, file=file, by_hash=True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        api.uploads.find("../jobs")
