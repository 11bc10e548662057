"""Uploads in a bucket, end to end: received, read by a job, and deleted with it."""

import gzip
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from loganalysis.scan import ranges
from runner.job_types.registry import loader as job_types
from runner.remote import file as remote_file
from storage.records.job import Upload
from tests.support.api import form
from tests.support.disk.upload_stores import BucketBackend
from tests.support.programs import Service, running_service
from tests.support.raw_http import connect
from tests.support.servers import s3
from tests.support.servers.s3 import Bucket
from tests.support.waiting import wait_for
from tests.support.workers import Worker, open_worker

LOG = b"one ERROR\ntwo WARN ERROR\nthree\n"
PAYLOAD = {"patterns": ["ERROR", "WARN"]}


@pytest.fixture
def service(database_url: str, tmp_path: Path, bucket: Bucket) -> Iterator[Service]:
    with running_service(database_url, tmp_path, **bucket.settings) as service:
        yield service


@pytest.mark.heavy
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_is_stored_in_the_bucket_and_deleted_with_its_last_job(
    service: Service, bucket: Bucket, pack: Any
) -> None:
    service.worker()
    content = pack(LOG * 700_000 + os.urandom(16 << 20).hex().upper().replace("E", "e").encode())
    job_id = service.upload(content, PAYLOAD)
    job = service.result(job_id, timeout=50)
    assert job["status"] == "succeeded", job
    assert job["result"]["counts"] == {"ERROR": 1_400_000, "WARN": 700_000}
    again = service.submit("analyze", {"patterns": ["three"], "source": {"job_id": job_id}})
    assert service.result(again, timeout=50)["result"]["counts"] == {"three": 700_000}
    assert len(bucket.keys()) == 1
    assert bucket.open_parts() == []
    delete(service, job_id)
    assert len(bucket.keys()) == 1  # the other job still uses it
    delete(service, again)
    assert bucket.keys() == []
    assert not (service.folder / "data/uploads").exists()


@pytest.mark.heavy
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_lines_of_a_file_in_the_bucket_are_read(
    service: Service, bucket: Bucket, pack: Any
) -> None:
    service.worker()
    job_id = service.upload(pack(LOG * 200_000), PAYLOAD)
    assert lines(service, job_id, "line=200000&limit=1") == [(200_000, "two WARN ERROR")]
    assert service.result(job_id, timeout=50)["status"] == "succeeded"
    assert lines(service, job_id, "line=599999&limit=5") == [
        *((599_999, "two WARN ERROR"), (600_000, "three")),
    ]
    assert lines(service, job_id, "match=three&limit=2") == [(3, "three"), (6, "three")]
    (key,) = bucket.keys()
    bucket.remove(key.rpartition("/")[2])
    with pytest.raises(urllib.error.HTTPError) as caught:
        lines(service, job_id, "limit=5")
    with caught.value as answer:
        assert (answer.code, json.load(answer)["code"]) == (410, "file_gone")


def lines(service: Service, job_id: str, query: str) -> list[tuple[int, str]]:
    """The numbers and texts of the first page with lines."""
    cursor = ""
    while True:
        address = f"{service.base_url}/jobs/{job_id}/lines?{query}{cursor}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            page = json.load(answer)
        if page["lines"] or not page["next"]:
            return [(each["line"], each["text"]) for each in page["lines"]]
        cursor = f"&cursor={page['next']}"


def delete(service: Service, job_id: str) -> None:
    request = urllib.request.Request(f"{service.base_url}/jobs/{job_id}", method="DELETE")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 204


def begin_upload(service: Service, size: int) -> socket.socket:
    """A client that has sent `size` bytes of a file of twice that size."""
    body, kind = form([("type", None, b"analyze"), ("filename", "a.log", b"")])
    head = f"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {2 * size}"
    client = connect(service)
    client.sendall(head.encode() + b"\r\n\r\n" + body.rpartition(b"\r\n--")[0])
    client.sendall(bytes(size))
    return client


@pytest.mark.heavy
def test_a_client_that_disconnects_leaves_no_parts_in_the_bucket(
    service: Service, bucket: Bucket
) -> None:
    with begin_upload(service, 30 << 20):
        wait_for(bucket.open_parts)
    wait_for(lambda: not bucket.open_parts())
    assert bucket.keys() == []


@pytest.mark.heavy
def test_a_listener_that_stops_leaves_no_parts_in_the_bucket(
    service: Service, bucket: Bucket
) -> None:
    with begin_upload(service, 30 << 20):
        wait_for(bucket.open_parts)
        assert service.listener.stop() == 0
    assert (bucket.open_parts(), bucket.keys()) == ([], [])


@pytest.mark.heavy
def test_files_are_deleted_with_their_jobs_after_the_retention(
    service: Service, bucket: Bucket
) -> None:
    worker = service.worker()
    job_id = service.upload(LOG, PAYLOAD)
    service.result(job_id)
    worker.stop()
    assert len(bucket.keys()) == 1
    service.worker(RETENTION_SECONDS="0")
    wait_for(lambda: not bucket.keys())
    assert service.call("GET", f"/jobs/{job_id}")[0] == 404


@pytest.mark.heavy
def test_an_upload_answers_503_and_stores_nothing_while_s3_is_down(
    database_url: str, tmp_path: Path
) -> None:
    with s3.running_server() as server:
        settings = server.new_bucket().settings
        with running_service(database_url, tmp_path, **settings) as service:
            job_id = service.upload(LOG, PAYLOAD)
            server.stop()
            payload = ("payload", None, json.dumps(PAYLOAD).encode())
            body, kind = form([("type", None, b"analyze"), payload, ("filename", "a", LOG)])
            head = f"POST /jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}"
            with connect(service, 40) as client:
                client.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                answer = client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 1\r\n" in answer
            assert [each["job_id"] for each in service.call("GET", "/jobs")[1]["items"]] == [job_id]


@pytest.fixture
def worker(database_url: str, tmp_path: Path, bucket: Bucket) -> Iterator[Worker]:
    with open_worker(database_url, tmp_path, environ=bucket.settings) as worker:
        yield worker


def enqueue(worker: Worker, upload: Upload) -> UUID:
    return worker.enqueue("analyze", payload=PAYLOAD, upload=upload, max_retries=5)


def stored(worker: Worker) -> Upload:
    writer = worker.store.uploads.writer()
    writer.write(LOG)
    return writer.finish("app.log", "00")


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", "cannot read upload 'app.log': the store has no such file"),
        ("cut", f"upload 'app.log' has 4 bytes instead of {len(LOG)}"),
    ],
)
def test_a_job_whose_file_is_missing_or_changed_is_not_retried(
    worker: Worker, bucket: Bucket, fault: str, message: str
) -> None:
    upload = stored(worker)
    if fault == "missing":
        bucket.remove(upload.id)
    else:
        bucket.put(upload.id, b"text")
    job, attempt = worker.ended(enqueue(worker, upload))
    assert (job.status, job.attempt) == ("failed", 1)
    assert attempt.error == {"type": "NotRetryable", "message": message}


@pytest.mark.heavy
def test_a_job_is_retried_if_the_network_fails(database_url: str, tmp_path: Path) -> None:
    with s3.running_server() as server:
        settings = server.new_bucket().settings
        with open_worker(database_url, tmp_path, environ=settings) as worker:
            job_id = enqueue(worker, stored(worker))
            server.stop()
            job, attempt = worker.ended(job_id)
    assert (job.status, job.retry_count) == ("queued", 1)
    assert attempt.error is not None
    assert attempt.error["type"] == "JobError"
    assert attempt.error["message"].startswith("cannot read upload 'app.log': the connection")
    assert "X-Amz" not in str(attempt.error)


def analyzed(bucket: Bucket, content: bytes, cores: int, payload: Any) -> Any:
    """The result of analyzing a file in the bucket, without its duration and speed."""
    place = BucketBackend(bucket)
    upload = place.store(content, "app.log")
    access = {**place.uploads.access(upload, 60), "name": upload.name, "size": upload.size}
    request = {"job_id": "1", "attempt": 1, "type": "analyze", "payload": payload}
    request |= {"upload": access, "cores": cores}
    result = json.loads(job_types.load()(json.dumps(request), lambda text: None))
    for figure in ("seconds", "bytes_per_second", "line_index"):
        del result["file"][figure]
    return result


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("size", [50_001, 300_000])
def test_analyzing_ranges_in_parallel_gives_the_same_result(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = b"".join(b"2026-11-25T01:02:%02dZ ERROR %d\n" % (n % 60, n) for n in range(20_000))
    payload = {**PAYLOAD, "samples": 20, "histogram": "second"}
    whole = analyzed(bucket, content, 1, payload)
    assert whole["counts"] == {"ERROR": 20_000, "WARN": 0}
    monkeypatch.setattr(ranges, "MIN_BYTES", 1000)
    monkeypatch.setattr(ranges, "RANGE_BYTES", size)
    monkeypatch.setattr(remote_file, "RANGE_BYTES", size // 3)
    assert analyzed(bucket, content, 2, payload) == whole


def test_a_file_in_the_bucket_is_downloaded(service: Service, bucket: Bucket) -> None:
    content = os.urandom(1 << 20) * 5 + b"end"
    address = f"{service.base_url}/jobs/{service.upload(content, PAYLOAD)}/upload"
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert answer.read() == content
    part = urllib.request.Request(address, headers={"Range": "bytes=2097150-2097160"})
    with urllib.request.urlopen(part, timeout=30) as answer:
        assert (answer.status, answer.read()) == (206, content[2_097_150:2_097_161])
    (key,) = bucket.keys()
    bucket.remove(key.rpartition("/")[2])
    for method in ("GET", "HEAD"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30)
        with caught.value as refusal:
            assert refusal.code == 410
