"""Uploads in an S3 bucket: what is left behind, error messages, and access for jobs."""

import json
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from runner.job_types.base import JobError
from runner.job_types.registry import loader as job_types
from storage.files import bucket_objects
from storage.files.bucket import BucketUploads, BucketWriter, open_bucket_uploads
from storage.files.bucket_access import open_bucket
from storage.files.bucket_objects import PART_BYTES
from storage.files.folder import FolderUploads
from storage.files.uploads import GRACE_SECONDS
from storage.open import open_store
from storage.records.job import StoreError, StoreUnavailable, StoreUnusable, Upload
from storage.settings.settings import Settings, SettingsError
from tests.support.disk.upload_stores import BucketBackend
from tests.support.servers import s3
from tests.support.servers.s3 import Bucket
from tests.support.waiting import wait_for

PART = bytes(PART_BYTES)


def test_parts_are_sent_as_they_come_and_none_stays_open(bucket: Bucket) -> None:
    uploads = BucketBackend(bucket).uploads
    whole, given_up = uploads.writer(), uploads.writer()
    for writer in (whole, given_up):
        for _ in range(4):
            writer.write(PART)
    assert len(bucket.open_parts()) == 2
    assert bucket.keys() == []
    given_up.abort()
    upload = whole.finish("a.log", "00")
    assert bucket.open_parts() == []
    assert bucket.keys() == [f"{s3.PREFIX}/{upload.id}"]


def test_a_new_object_is_not_swept_although_its_upload_began_long_ago(bucket: Bucket) -> None:
    backend = BucketBackend(bucket)
    upload = backend.store()
    for without_job in ({upload.id}, set(), {upload.id}):
        backend.uploads.sweep(without_job.intersection)
        assert backend.left() == [f"{s3.PREFIX}/{upload.id}"]
        backend.now += 10 * GRACE_SECONDS


def test_other_objects_below_the_prefix_are_left_alone(bucket: Bucket) -> None:
    backend = BucketBackend(bucket)
    bucket.put("notes.txt", b"x")
    bucket.put(f"old/{uuid4()}", b"x")
    for _ in range(2):
        backend.uploads.sweep(lambda ids: ids)
        backend.now += GRACE_SECONDS
    assert len(backend.left()) == 2


def test_a_job_gets_a_url_of_its_file_only_that_expires_after_its_timeout(bucket: Bucket) -> None:
    uploads = BucketBackend(bucket).uploads
    upload = Upload(uuid4(), "a.log", 1, "00")
    for timeout, seconds in [(60.0, 3660), (None, 604800), (10.0**9, 604800)]:
        url = urlsplit(uploads.access(upload, timeout)["url"])
        assert url.path == f"/{bucket.name}/{s3.PREFIX}/{upload.id}"
        signed = parse_qs(url.query)
        assert signed["X-Amz-Expires"] == [str(seconds)]
        assert signed["X-Amz-Credential"][0].startswith("key-of-tests/")
        assert "secret" not in url.query


def impatient(settings: dict[str, str]) -> BucketUploads:
    given = Settings.read(settings)
    return BucketUploads(open_bucket(given, 2, 0.5), open_bucket(given, 2, 0.5))


@pytest.mark.heavy
def test_every_method_reports_that_s3_is_down_and_leaves_deletions_for_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with s3.running_server() as server:
        bucket = server.new_bucket()
        uploads = impatient(bucket.settings)
        under_way, small = uploads.writer(), uploads.writer()
        for _ in range(3):
            under_way.write(PART)
        small.write(b"text")
        server.stop()
        with pytest.raises(StoreUnavailable, match="uploads: "):
            write_for_ever(under_way)
        with pytest.raises(StoreUnavailable, match="a part of the file"):
            under_way.finish("a.log", "00")
        with pytest.raises(StoreUnavailable, match="uploads: "):
            small.finish("a.log", "00")
        under_way.abort()
        small.abort()
        uploads.delete([uuid4()])
        with pytest.raises(StoreUnavailable, match="uploads: "):
            uploads.sweep(lambda ids: ids)
        with pytest.raises(StoreUnavailable, match="uploads: "):
            uploads.check()
    said = [record.getMessage() for record in caplog.records]
    assert said.count("parts of an upload are left") == 1
    assert said.count("uploads are left to a sweep") == 2


def write_for_ever(writer: BucketWriter) -> None:
    while True:
        writer.write(PART)


class HangingS3(BaseHTTPRequestHandler):
    """Begins multipart uploads, and never answers to a part."""

    closing = threading.Event()

    def do_POST(self) -> None:
        body = (
            b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.closing.wait(60)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


def test_all_writers_together_hold_a_bounded_number_of_bytes_while_s3_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unsent = bucket_objects.UnsentMemory(4 * PART_BYTES, 0.5)
    monkeypatch.setattr(bucket_objects, "unsent", unsent)
    with ThreadingHTTPServer(("127.0.0.1", 0), HangingS3) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        given = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "c"}
        given["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_port}"
        uploads = impatient({**given, "UPLOADS_URL": "s3://bucket/prefix"})
        writers = [uploads.writer() for _ in range(5)]
        for writer in writers[:4]:
            writer.write(PART)
        with pytest.raises(StoreUnavailable, match="32 MiB wait for S3, which has taken none"):
            writers[4].write(b"x")
        with pytest.raises(StoreUnavailable):
            write_for_ever(writers[0])
        for writer in writers:
            writer.abort()
        wait_for(lambda: unsent.used == 0)
        HangingS3.closing.set()
        server.shutdown()


def test_bytes_that_s3_has_are_not_held(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    unsent = bucket_objects.UnsentMemory(3 * PART_BYTES, 10)
    monkeypatch.setattr(bucket_objects, "unsent", unsent)
    writer = BucketBackend(bucket).uploads.writer()
    for _ in range(6):
        writer.write(PART)
    wait_for(lambda: unsent.used == 0)
    writer.finish("a.log", "00")


def opened(settings: dict[str, str], folder: Path, patience: float = 0) -> None:
    open_store(Settings.read({**settings, "DATA_DIR": str(folder)}), timeout=patience).close()


def test_a_missing_bucket_is_reported_at_once(bucket: Bucket, tmp_path: Path) -> None:
    began, settings = time.monotonic(), {**bucket.settings, "UPLOADS_URL": "s3://no-bucket/x"}
    with pytest.raises(StoreUnusable, match=r"UPLOADS_URL=s3://no-bucket/x: .*404.*NoSuchBucket"):
        opened(settings, tmp_path, 30)
    assert time.monotonic() - began < 10


@pytest.mark.heavy
def test_a_refused_key_is_reported_at_once(tmp_path: Path) -> None:
    with s3.running_server(strict=True) as server:
        settings = server.new_bucket().settings
        with pytest.raises(StoreUnusable) as caught:
            opened(settings, tmp_path, 30)
    assert "403 Forbidden: InvalidAccessKeyId" in str(caught.value)
    assert str(caught.value).startswith(f"UPLOADS_URL={settings['UPLOADS_URL']}: uploads: ")
    assert "secret-of-tests" not in str(caught.value)


def test_a_server_that_does_not_answer_is_waited_for(bucket: Bucket, tmp_path: Path) -> None:
    settings = {**bucket.settings, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    with pytest.raises(StoreUnavailable, match=r"UPLOADS_URL=s3://.*error sending request"):
        opened(settings, tmp_path)


def test_the_key_may_come_from_a_file(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text(
        "[other]\naws_access_key_id = no\n"
        "[default]\naws_access_key_id = of-file\naws_secret_access_key = a%b\n"
    )
    settings = {
        **bucket.settings,
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_SHARED_CREDENTIALS_FILE": str(file),
    }
    uploads = open_bucket_uploads(Settings.read(settings))
    uploads.check()
    assert "=of-file%2F" in uploads.access(Upload(uuid4(), "x", 1, "00"), 1)["url"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file or directory"),
        ("key = 1", "it is not a credentials file"),
        (
            "[default]\naws_access_key_id = x",
            "aws_access_key_id or aws_secret_access_key is missing",
        ),
        ("[other]\n", "aws_access_key_id or aws_secret_access_key is missing"),
    ],
)
def test_a_credentials_file_without_credentials_is_refused(
    text: str | None, reason: str, bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    if text is not None:
        file.write_text(text)
    settings = {**bucket.settings, "AWS_SHARED_CREDENTIALS_FILE": str(file)}
    del settings["AWS_ACCESS_KEY_ID"]
    expected = re.escape(f"AWS_SHARED_CREDENTIALS_FILE={file}: {reason}")
    with pytest.raises(StoreError, match=expected):
        opened(settings, tmp_path)


def test_an_empty_variable_does_not_reach_the_library(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SESSION_TOKEN", "SERVER_SIDE_ENCRYPTION", "VIRTUAL_HOSTED_STYLE_REQUEST"):
        monkeypatch.setenv(f"AWS_{name}", "")
    uploads = open_bucket_uploads(Settings.read(bucket.settings))
    uploads.check()
    assert "Security-Token" not in uploads.access(Upload(uuid4(), "x", 1, "00"), 1)["url"]


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("", "data/uploads"),
        ("file:///srv/up%20loads", "/srv/up loads"),
        ("s3://bucket", None),
        ("s3://bucket/a/b/", None),
    ],
)
def test_uploads_url_selects_a_folder_or_a_bucket(url: str, folder: str | None) -> None:
    expected = None if folder is None else Path(folder)
    assert Settings.read({"UPLOADS_URL": url}).uploads_folder == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UPLOADS_URL", "/data/uploads"),
        ("UPLOADS_URL", "file://host/uploads"),
        ("UPLOADS_URL", "s3:///prefix"),
        ("UPLOADS_URL", "s3://bucket/x?y=z"),
        ("AWS_ENDPOINT_URL", "minio:9000"),
    ],
)
def test_an_invalid_address_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(f'{name}={value}')}: it must "):
        Settings.read({name: value})


def test_a_folder_of_its_own_is_used(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path / "data"), "UPLOADS_URL": f"file://{tmp_path}/others"}
    store = open_store(Settings.read(settings))
    store.close()
    assert isinstance(store.uploads, FolderUploads)
    assert store.uploads.folder == tmp_path / "others"
    assert not (tmp_path / "data/uploads").exists()


@pytest.mark.heavy
def test_with_a_folder_the_library_is_not_loaded() -> None:
    code = "import sys, server.start.listener, runner.worker; print('obstore' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_a_job_whose_url_cannot_be_signed_is_tried_again(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/role")
    settings = {**bucket.settings, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    access = impatient(settings).access(Upload(uuid4(), "x", 1, "00"), 1)
    assert access == {"problem": "the store of uploads gives no access to it now"}
    request = {"job_id": "1", "attempt": 1, "type": "digest", "payload": {}}
    request["upload"] = {**access, "name": "a.log", "size": 1}
    with pytest.raises(JobError, match="the store of uploads gives") as caught:
        job_types.load(["tests.support.job_types.uploads"])(json.dumps(request), print)
    assert caught.value.retryable
