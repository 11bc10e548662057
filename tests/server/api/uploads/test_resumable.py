"""Resumable uploads over real sockets, by tus 1.0, and jobs that use them."""

import asyncio
import base64
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlparse
from uuid import uuid4

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.jobs import admission
from server.jobs.uploads import resumable_uploads
from server.start.app import App
from storage.files.resumable.folder import FolderResumables
from storage.records.resumable_upload import UPLOAD_KEEP_SECONDS
from tests.support.api import Client, form, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.stores import Bench, upload_files

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]
MAX_FILE = 5_000_000
CONTENT = b"one ERROR\n" * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
STREAM = "application/offset+octet-stream"


@pytest.fixture
def limits() -> dict[str, Any]:
    return {"max_upload_bytes": MAX_FILE, "min_free_bytes": 0}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, limits: dict[str, Any]) -> Iterator[App]:
    with open_app(bench, io_loop, **limits) as application:
        yield application


def stored(bench: Bench) -> list[Path]:
    """All files of uploads, complete or not."""
    folder = bench.store.settings.data_dir / "uploads"
    return upload_files(folder)


def metadata(name: str) -> str:
    return f"filename {base64.b64encode(name.encode()).decode()}"


async def begin(client: Client, size: object = len(CONTENT), **headers: str) -> HTTPResponse:
    given = {"Upload-Length": str(size), "Upload-Metadata": metadata("app.log"), **headers}
    return await client.fetch("/uploads", method="POST", body=b"", headers=given)


async def new(client: Client, size: int = len(CONTENT), **headers: str) -> str:
    """Begin an upload; return its path."""
    response = await begin(client, size, **headers)
    assert response.code == 201, response.body
    return str(response.headers["Location"])


async def send(client: Client, path: str, offset: object, data: bytes, **more: str) -> HTTPResponse:
    headers = {"Content-Type": STREAM, "Upload-Offset": str(offset), **more}
    return await client.fetch(path, method="PATCH", body=data, headers=headers)


async def offset_of(client: Client, path: str) -> int:
    response = await client.fetch(path, method="HEAD")
    assert response.code == 200
    return int(response.headers["Upload-Offset"])


async def submit(client: Client, path: str, status: int = 202, **more: Any) -> Any:
    document = {"type": "analyze", "payload": {"patterns": ["ERROR"]}}
    upload = {"id": path.rpartition("/")[2]}
    return await client.post("/jobs", {**document, "upload": upload, **more}, status)


def errors(problem: Any) -> list[tuple[str, str]]:
    return [(each["field"], each["detail"]) for each in problem["errors"]]


async def test_an_upload_arrives_in_pieces_and_a_job_uses_it(client: Client, bench: Bench) -> None:
    path = await new(client)
    for start in range(0, len(CONTENT), 300_000):
        response = await send(client, path, start, CONTENT[start : start + 300_000])
        assert response.code == 204
        assert int(response.headers["Upload-Offset"]) == min(start + 300_000, len(CONTENT))
    upload = await client.get(path)
    assert (upload["offset"], upload["sha256"], upload["name"]) == (len(CONTENT), SHA256, "app.log")
    first, second = [(await submit(client, path))["job_id"] for _ in range(2)]
    for job_id in (first, second):
        job = await client.get(f"/jobs/{job_id}")
        assert job["upload"] == {"name": "app.log", "size": len(CONTENT), "sha256": SHA256}
    await client.fetch(path, method="DELETE")
    contents = [path.read_bytes() for path in stored(bench)]
    assert contents == [CONTENT] * 2


async def test_the_creation_tells_location_offset_and_expiry(client: Client) -> None:
    response = await begin(client)
    document = read(response, 201)
    assert response.headers["Location"] == f"/uploads/{document['upload_id']}"
    assert response.headers["Upload-Offset"] == "0"
    assert response.headers["Tus-Resumable"] == "1.0.0"
    expires = parsedate_to_datetime(response.headers["Upload-Expires"])
    assert document["expires_at"].startswith(expires.strftime("%Y-%m-%dT%H:%M:%S"))
    assert document["size"] == len(CONTENT)


async def test_options_tell_what_the_protocol_can_do_here(client: Client) -> None:
    for path in ("/uploads", f"/uploads/{uuid4()}"):
        response = await client.fetch(path, method="OPTIONS")
        assert response.code == 204
        assert response.headers["Tus-Version"] == "1.0.0"
        assert response.headers["Tus-Extension"] == "creation,expiration,checksum,termination"
        assert response.headers["Tus-Max-Size"] == str(MAX_FILE)
        assert response.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


async def test_head_tells_length_and_metadata(client: Client) -> None:
    path = await new(client, len(CONTENT), **{"Upload-Metadata": metadata("näive.log")})
    response = await client.fetch(path, method="HEAD")
    assert response.headers["Upload-Length"] == str(len(CONTENT))
    assert response.headers["Upload-Metadata"] == metadata("näive.log")
    assert response.headers["Cache-Control"] == "no-store"


async def test_another_version_of_the_protocol_is_refused(client: Client) -> None:
    path = await new(client)
    other = {"Tus-Resumable": "0.2.2"}
    for response in (await begin(client, **other), await send(client, path, 0, b"a", **other)):
        assert read(response, 412)["code"] == "tus_version_unsupported"
        assert response.headers["Tus-Version"] == "1.0.0"
    assert (await begin(client, **{"Tus-Resumable": "1.0.0"})).code == 201


@pytest.mark.parametrize(
    ("header", "value", "text"),
    [
        ("Upload-Length", "-1", "must be a number of bytes"),
        ("Upload-Length", "1e3", "must be a number of bytes"),
        ("Upload-Length", "9" * 30, "must be a number of bytes"),
        ("Upload-Metadata", "filename a", "pairs of a key"),
        ("Upload-Metadata", "filename /w==", "pairs of a key"),
        ("Upload-Metadata", "x" * 5000, "pairs of a key"),
    ],
)
async def test_a_wrong_header_of_a_creation_is_named(
    client: Client, header: str, value: str, text: str
) -> None:
    ((field, detail),) = errors(read(await begin(client, **{header: value}), 422))
    assert field == header
    assert text in detail
    assert "for example" in detail


async def test_a_missing_length_is_named(client: Client) -> None:
    response = await client.fetch("/uploads", method="POST", body=b"")
    assert errors(read(response, 422)) == [
        ("Upload-Length", "send this header, for example Upload-Length: 1048576")
    ]


async def test_a_file_above_the_limit_is_refused_before_its_bytes(client: Client) -> None:
    problem = read(await begin(client, MAX_FILE + 1), 413)
    assert problem["code"] == "file_too_large"
    assert str(MAX_FILE) in problem["detail"]


async def test_bytes_at_a_wrong_offset_are_refused_and_the_right_one_is_told(
    client: Client,
) -> None:
    path = await new(client)
    await send(client, path, 0, b"abc")
    for wrong in (0, 2, 4):
        response = await send(client, path, wrong, b"def")
        assert read(response, 409)["code"] == "offset_conflict"
        assert response.headers["Upload-Offset"] == "3"
    assert await offset_of(client, path) == 3


async def test_more_bytes_than_the_upload_has_are_refused(client: Client) -> None:
    path = await new(client, 5)
    problem = read(await send(client, path, 0, b"abcdef"), 413)
    assert problem["detail"] == "the body has 6 bytes, and the upload lacks only 5 of its 5"
    assert await offset_of(client, path) == 0


async def test_more_bytes_without_a_length_are_refused_too(client: Client, app: App) -> None:
    path = await new(client, 600_000)
    head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {STREAM}\r\n"
    head += "Upload-Offset: 0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunk = b"%x\r\n" % 700_000 + bytes(700_000) + b"\r\n0\r\n\r\n"
    answer = await _raw(client, head.encode() + chunk)
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert await offset_of(client, path) <= 600_000


async def test_another_media_type_and_a_missing_offset_are_refused(client: Client) -> None:
    path = await new(client)
    response = await send(client, path, 0, b"abc", **{"Content-Type": "text/plain"})
    assert read(response, 415)["detail"] == f"send {STREAM}"
    response = await client.fetch(
        path, method="PATCH", body=b"abc", headers={"Content-Type": STREAM}
    )
    assert errors(read(response, 422))[0][0] == "Upload-Offset"


@pytest.mark.parametrize("name", ["sha1", "sha256"])
async def test_only_bytes_with_the_right_checksum_are_stored(client: Client, name: str) -> None:
    path = await new(client)
    right = base64.b64encode(hashlib.new(name, CONTENT[:5000]).digest()).decode()
    problem = read(
        await send(client, path, 0, CONTENT[1:5001], **{"Upload-Checksum": f"{name} {right}"}), 460
    )
    assert problem["code"] == "checksum_mismatch"
    assert await offset_of(client, path) == 0
    response = await send(client, path, 0, CONTENT[:5000], **{"Upload-Checksum": f"{name} {right}"})
    assert response.code == 204
    await send(client, path, 5000, CONTENT[5000:])
    assert (await client.get(path))["sha256"] == SHA256


@pytest.mark.parametrize("header", ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha256 abc", "sha256", ""])
async def test_a_wrong_checksum_header_is_named(client: Client, header: str) -> None:
    path = await new(client)
    response = await send(client, path, 0, b"a", **{"Upload-Checksum": header})
    ((field, detail),) = errors(read(response, 422))
    assert field == "Upload-Checksum"
    assert "sha1 or sha256" in detail


async def test_an_unknown_upload_is_404(client: Client) -> None:
    for path in (f"/uploads/{uuid4()}", "/uploads/none"):
        assert read(await send(client, path, 0, b"a"), 404)["code"] == "upload_not_found"
        for method in ("GET", "DELETE"):
            response = await client.fetch(path, method=method)
            assert read(response, 404)["code"] == "upload_not_found"
        assert (await client.fetch(path, method="HEAD")).code == 404


async def test_a_deleted_upload_is_gone(client: Client, bench: Bench) -> None:
    path = await new(client)
    await send(client, path, 0, b"abc")
    assert (await client.fetch(path, method="DELETE")).code == 204
    assert (await client.fetch(path, method="HEAD")).code == 404
    assert stored(bench) == []


async def test_a_request_that_writes_to_an_upload_is_told_that_it_was_deleted(
    client: Client, bench: Bench
) -> None:
    path = await new(client)
    reader, writer = await _begin_patch(client, path, CONTENT[:600_000])
    await _until_stored(bench, path, 2 * 256 * 1024)
    assert (await client.fetch(path, method="DELETE")).code == 204
    writer.write(CONTENT[600_000:])
    head = await reader.readuntil(b"\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    writer.close()
    assert stored(bench) == []


async def test_an_empty_file_is_complete_at_once(client: Client) -> None:
    path = await new(client, 0)
    assert (await client.get(path))["sha256"] == hashlib.sha256().hexdigest()
    job_id = (await submit(client, path))["job_id"]
    assert (await client.get(f"/jobs/{job_id}"))["upload"]["size"] == 0


async def _raw(client: Client, data: bytes) -> bytes:
    """Send bytes, and return all bytes of the answer."""
    url = urlparse(client.base_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()


async def _begin_patch(
    client: Client, path: str, data: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a part of a PATCH, which goes on."""
    url = urlparse(client.base_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {STREAM}\r\n"
    head += f"Upload-Offset: 0\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()
    return reader, writer


async def _until_stored(bench: Bench, path: str, size: int) -> None:
    """Wait until the file has at least so many bytes."""
    uploads = bench.store.settings.data_dir / "uploads"
    data = uploads / "partial" / path.rpartition("/")[2] / "data"
    while data.stat().st_size < size:
        await asyncio.sleep(0.01)


async def test_an_upload_continues_after_a_broken_connection(client: Client, bench: Bench) -> None:
    path = await new(client)
    _, writer = await _begin_patch(client, path, CONTENT[:700_000])
    await _until_stored(bench, path, 2 * 256 * 1024)
    sock: socket.socket = writer.get_extra_info("socket")
    writer.close()
    del sock
    offset = await offset_of(client, path)
    assert 2 * 256 * 1024 <= offset <= 700_000
    assert (await send(client, path, offset, CONTENT[offset:])).code == 204
    assert (await client.get(path))["sha256"] == SHA256


async def test_the_last_bytes_of_a_request_that_breaks_are_kept(
    client: Client, bench: Bench
) -> None:
    path = await new(client)
    _, writer = await _begin_patch(client, path, CONTENT[:300])
    writer.close()
    await _until_stored(bench, path, 300)
    assert await offset_of(client, path) == 300
    assert (await send(client, path, 300, CONTENT[300:])).code == 204
    assert (await client.get(path))["sha256"] == SHA256


async def test_a_request_for_the_offset_ends_the_one_that_writes(
    client: Client, bench: Bench
) -> None:
    path = await new(client)
    _, writer = await _begin_patch(client, path, CONTENT[:600_000])
    await _until_stored(bench, path, 2 * 256 * 1024)
    busy = await send(client, path, 2 * 256 * 1024, b"abc")
    assert read(busy, 423)["code"] == "upload_busy"
    offset = await offset_of(client, path)  # the old connection still counts as open
    writer.write(CONTENT[600_000:])
    assert (await send(client, path, offset, CONTENT[offset:])).code == 204
    assert (await client.get(path))["sha256"] == SHA256
    writer.close()


async def test_bytes_of_a_broken_request_with_a_checksum_are_dropped(
    client: Client, bench: Bench
) -> None:
    path = await new(client)
    url = urlparse(client.base_url)
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {STREAM}\r\n"
    head += f"Upload-Offset: 0\r\nContent-Length: {len(CONTENT)}\r\n"
    head += f"Upload-Checksum: sha256 {digest}\r\n\r\n"
    writer.write(head.encode() + CONTENT[:700_000])
    await _until_stored(bench, path, 2 * 256 * 1024)
    writer.close()
    assert await offset_of(client, path) == 0
    assert (await send(client, path, 0, CONTENT)).code == 204
    assert (await client.get(path))["sha256"] == SHA256


async def test_a_full_disk_keeps_what_has_arrived(
    client: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "DISK_READ_SECONDS", 0.0)
    path = await new(client)
    await send(client, path, 0, CONTENT[:1000])
    with patch("server.jobs.admission.disk_usage", return_value=(100, 100, -1)):
        problem = read(await send(client, path, 1000, CONTENT[1000:]), 507)
        assert problem["code"] == "disk_full"
        assert read(await begin(client), 507)["code"] == "disk_full"
    assert await offset_of(client, path) == 1000
    assert (await send(client, path, 1000, CONTENT[1000:])).code == 204


async def test_an_upload_expires_after_its_last_change(client: Client, bench: Bench) -> None:
    path = await new(client)
    past = time.time() - UPLOAD_KEEP_SECONDS - 60
    folder = bench.store.settings.data_dir / "uploads" / "partial" / path.rpartition("/")[2]
    os.utime(folder / "data", (past, past))
    info = json.loads((folder / "info").read_bytes())
    (folder / "info").write_text(json.dumps({**info, "created_at": round(past * 1000)}))
    assert (await client.fetch(path, method="HEAD")).code == 404
    ((field, detail),) = errors(await submit(client, path, 422))
    assert field == "upload.id"
    assert "may have expired" in detail


async def test_there_are_not_too_many_uploads(client: Client) -> None:
    with patch.object(resumable_uploads, "MAX_UPLOADS", 2):
        for _ in range(2):
            await new(client)
        assert read(await begin(client), 409)["code"] == "too_many_uploads"


async def test_a_job_waits_for_all_bytes(client: Client) -> None:
    path = await new(client)
    await send(client, path, 0, CONTENT[:10])
    problem = await submit(client, path, 409)
    assert problem["code"] == "upload_incomplete"
    assert problem["detail"] == f"upload.id: 10 of its {len(CONTENT)} bytes have arrived"


async def test_a_hash_that_takes_long_is_waited_for_a_while(client: Client, bench: Bench) -> None:
    path = await new(client)
    with (
        patch.object(resumable_uploads, "READY_SECONDS", 0.0),
        patch.object(FolderResumables, "complete", side_effect=lambda *given: None),
    ):
        assert (await send(client, path, 0, CONTENT)).code == 204
        problem = await submit(client, path, 409)
        assert problem["code"] == "upload_not_ready"
    assert (await submit(client, path))["status"] == "queued"
    assert (await client.get(path))["sha256"] == SHA256


async def test_a_job_that_is_refused_or_known_leaves_no_copy(client: Client, bench: Bench) -> None:
    path = await new(client, 10)
    await send(client, path, 0, CONTENT[:10])
    before = len(stored(bench))
    problem = await submit(client, path, 422, queue="nowhere")
    assert problem["errors"][0]["field"] == "queue"
    assert len(stored(bench)) == before
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    upload = path.rpartition("/")[2]
    body = (
        b'{"type": "analyze", "payload": {"patterns": ["x"]}, "upload": {"id": "%s"}}'
        % upload.encode()
    )
    for _ in range(2):
        await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert len(stored(bench)) == before + 1


@pytest.mark.parametrize(
    ("more", "field", "text"),
    [
        ({"type": "sleep", "payload": {"seconds": 1}}, "upload", "does not take a file"),
        (
            {"payload": {"patterns": ["x"], "source": {"job_id": str(uuid4())}}},
            "upload",
            "not both",
        ),
        ({"upload": {"id": 5}}, "upload.id", "must be the id of a resumable upload"),
        ({"upload": {"id": str(uuid4())}}, "upload.id", "no such upload"),
        ({"upload": {}}, "upload", "give either the id of a resumable upload"),
        ({"upload": {"id": str(uuid4()), "name": "a"}}, "upload", "name goes with sha256"),
        ({"upload": {"id": str(uuid4()), "x": 1}}, "upload.x", "unknown field"),
        ({"upload": str(uuid4())}, "upload", "object"),
    ],
)
async def test_a_wrong_reference_is_named(
    client: Client, more: dict[str, Any], field: str, text: str
) -> None:
    problem = await submit(client, f"/uploads/{uuid4()}", 422, **more)
    assert (errors(problem)[0][0], text in errors(problem)[0][1]) == (field, True), problem


async def test_a_form_may_name_an_upload_but_not_have_a_file_besides(
    client: Client, bench: Bench
) -> None:
    path = await new(client, 10)
    await send(client, path, 0, CONTENT[:10])
    upload = b'{"id": "%s"}' % path.rpartition("/")[2].encode()
    parts: list[tuple[str, str | None, bytes]] = [
        ("type", None, b"analyze"),
        ("payload", None, b'{"patterns": ["ERROR"]}'),
        ("upload", None, upload),
    ]
    job_id = (await client.post_form(parts))["job_id"]
    assert (await client.get(f"/jobs/{job_id}"))["upload"]["size"] == 10
    count = len(stored(bench))
    body, kind = form([*parts, ("filename", "a.log", b"x")])
    response = await client.fetch("/jobs", method="POST", body=body, headers={"Content-Type": kind})
    assert errors(read(response, 422)) == [("upload", "give either an upload or a file, not both")]
    assert len(stored(bench)) == count


async def test_jobs_of_batches_and_schedules_name_no_upload(client: Client) -> None:
    job = {"type": "analyze", "payload": {"patterns": ["x"]}, "upload": {"id": str(uuid4())}}
    problem = await client.post("/jobs/batch", [job], 422)
    assert "only a job that is submitted alone" in problem["errors"][0]["detail"]


async def test_a_dry_run_reads_the_upload_and_copies_nothing(client: Client, bench: Bench) -> None:
    path = await new(client, 10)
    await send(client, path, 0, CONTENT[:10])
    before = len(stored(bench))
    document = {
        "type": "analyze",
        "payload": {"patterns": ["ERROR"]},
        "upload": {"id": path.rpartition("/")[2]},
    }
    found = await client.post("/jobs?dry_run=true", document, 200)
    assert found["upload"]["size"] == 10
    assert len(stored(bench)) == before


class TestCallers:
    @pytest.fixture
    def limits(self) -> dict[str, Any]:
        return {"api_tokens": API_TOKENS, "min_free_bytes": 0}

    async def test_only_who_has_begun_an_upload_and_admins_may_use_it(self, client: Client) -> None:
        path = await new(client, 5, **bearer("ann"))
        assert (await client.get(path, headers=bearer("ann")))["created_by"] == "ann"
        for caller, status in (("sue", 403), ("rob", 403), ("ada", 200)):
            response = await client.fetch(path, headers=bearer(caller))
            assert response.code == status
            if status == 403:
                assert read(response, 403)["code"] == "not_your_upload"
        assert (await send(client, path, 0, b"ab", **bearer("sue"))).code == 403
        assert (await client.fetch(path, method="DELETE", headers=bearer("sue"))).code == 403
        assert (await client.fetch(path, method="HEAD", headers=bearer("sue"))).code == 403
        assert (await send(client, path, 0, b"abcde", **bearer("ann"))).code == 204
        body = b'{"type": "analyze", "payload": {"patterns": ["x"]}, "upload": {"id": "%s"}}'
        body %= path.rpartition("/")[2].encode()
        for caller, status in (("sue", 403), ("ann", 202), ("ada", 202)):
            headers = {"Content-Type": "application/json", **bearer(caller)}
            response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
            assert response.code == status
        assert (await begin(client, **bearer("rob"))).code == 403
