"""Uploads over real sockets: streamed to disk, validated, and never partially kept."""

import asyncio
import hashlib
import json
import socket
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlparse

import pytest
from tornado.ioloop import IOLoop

from server.api.jobs.submission import SubmissionHandler
from server.api.uploads.file_part import FilePart
from server.api.uploads.form import FormBody
from server.http.problems import Problem
from server.start.app import FILE_THREADS, App
from storage.files.folder import FolderWriter
from tests.support.api import FILE, Client, analyze_form, fields, form, open_app, read
from tests.support.stores import Bench, upload_files
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]
MAX_FILE = 300_000


@pytest.fixture
def small_limits() -> dict[str, int]:
    return {"max_upload_bytes": MAX_FILE}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, small_limits: dict[str, int]) -> Iterator[App]:
    with (
        patch.object(SubmissionHandler, "MAX_JSON_BYTES", 2000),
        open_app(bench, io_loop, **small_limits) as application,
    ):
        yield application


def files(bench: Bench) -> list[Path]:
    """Return all files in the uploads folder, complete or not."""
    folder = bench.store.settings.data_dir / "uploads"
    return upload_files(folder)


async def test_an_upload_is_stored_with_its_size_and_digest(client: Client, bench: Bench) -> None:
    content = bytes(range(256)) * 1000
    accepted = await client.post_form(analyze_form(content))
    job = await client.get(f"/jobs/{accepted['job_id']}")
    digest = hashlib.sha256(content).hexdigest()
    assert job["upload"] == {"name": "app.log", "size": len(content), "sha256": digest}
    assert job["payload"] == {"patterns": ["ERROR", "WARN"]}
    (path,) = files(bench)
    assert path.read_bytes() == content


async def test_an_empty_file_is_accepted(client: Client) -> None:
    accepted = await client.post_form(analyze_form(b""))
    job = await client.get(f"/jobs/{accepted['job_id']}")
    assert job["upload"]["size"] == 0


async def test_form_fields_may_come_in_any_order(client: Client) -> None:
    options = [("max_retries", None, b"0"), ("delay", None, b"60.5"), ("priority", None, b"-3")]
    options.append(("max_losses", None, b"0"))
    accepted = await client.post_form([*reversed(analyze_form()), *options])
    job = await client.get(f"/jobs/{accepted['job_id']}")
    assert (job["max_retries"], job["priority"], job["type"]) == (0, -3, "analyze")
    assert job["max_losses"] == 0


async def test_a_form_without_a_file_is_accepted_for_a_type_without_files(client: Client) -> None:
    parts = [("type", None, b"sleep"), ("payload", None, b'{"seconds": 0}')]
    await client.post_form(parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\Windows\\\\x.dll", "x.dll"),
        ("..", "unnamed"),
        (". .", "unnamed"),
        ("a/", "unnamed"),
        ("a\u2028b\u0085c", "abc"),
        ("C:\\\\logs\\\\app.log", "app.log"),
        ("/etc/shadow", "shadow"),
        ("<script>.log", "<script>.log"),
        ("x" * 3000, "x" * 255),
        ("\u202egol.exe", "gol.exe"),
        ("Grüße 日本.log", "Grüße 日本.log"),
        ("", "unnamed"),
    ],
)
async def test_a_file_name_is_a_label_and_never_a_path(
    client: Client, bench: Bench, given: str, kept: str
) -> None:
    accepted = await client.post_form(analyze_form(file_name=given))
    job = await client.get(f"/jobs/{accepted['job_id']}")
    assert job["upload"]["name"] == kept
    (path,) = files(bench)
    assert path.parent.name == "files"
    assert len(path.name) == 36


@pytest.mark.parametrize("option", ["filename*=utf-8''..%2f..%2fetc%2fpasswd", "filename*=x"])
async def test_an_encoded_file_name_is_no_path_either(
    client: Client, bench: Bench, option: str
) -> None:
    body, kind = form(analyze_form())
    body = body.replace(b'filename="app.log"', option.encode())
    headers = {"Content-Type": kind}
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    if response.code == 202:
        job = await client.get(f"/jobs/{json.loads(response.body)['job_id']}")
        assert job["upload"]["name"] in ("passwd", "..%2f..%2fetc%2fpasswd", "x")
    else:
        assert response.code == 422
        assert files(bench) == []


async def test_several_files_are_stored_as_one_archive(client: Client, bench: Bench) -> None:
    parts = [*analyze_form()[:2], ("files", "a.log", FILE), ("files", "../b.log", b"")]
    accepted = await client.post_form(parts)
    job = await client.get(f"/jobs/{accepted['job_id']}")
    assert job["upload"]["name"] == "a.log and 1 more.zip"
    (path,) = files(bench)
    assert path.stat().st_size == job["upload"]["size"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == job["upload"]["sha256"]
    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a.log": FILE,
            "b.log": b"",
        }


@pytest.mark.parametrize("names", [("files", "filename"), ("file", "files"), ("file", "filename")])
async def test_one_file_and_several_files_do_not_mix(
    client: Client, bench: Bench, names: tuple[str, str]
) -> None:
    body, kind = form(analyze_form()[:2] + [(name, "a.log", FILE) for name in names])
    headers = {"Content-Type": kind}
    problem = read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 422)
    assert fields(problem) == [names[1]]
    assert "send several as parts named files" in problem["errors"][0]["detail"]
    assert files(bench) == []


async def test_more_files_than_the_limit_are_refused(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.uploads.form._MAX_FILES", 2)
    several = [("files", f"{number}.log", FILE) for number in range(3)]
    await client.post_form(analyze_form()[:2] + several[:2])
    before = files(bench)
    body, kind = form(analyze_form()[:2] + several)
    headers = {"Content-Type": kind}
    problem = read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 422)
    assert fields(problem) == ["files"]
    assert "a job takes at most 2 files" in problem["errors"][0]["detail"]
    assert files(bench) == before


async def test_a_file_in_a_part_of_another_name_gets_a_hint(client: Client) -> None:
    body, kind = form([*analyze_form()[:2], ("before", "a.log", FILE)])
    headers = {"Content-Type": kind}
    problem = read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 422)
    assert "before" in fields(problem)
    assert "in a part named file, several in parts named files" in problem["errors"][0]["detail"]


async def test_the_same_files_again_are_the_same_submission(client: Client) -> None:
    parts = [*analyze_form()[:2], ("files", "a.log", FILE), ("files", "b.log", FILE)]
    answers = []
    for sent in (parts, parts, [*parts[:3], ("files", "c.log", FILE)]):
        body, kind = form(sent)
        headers = {"Content-Type": kind, "Idempotency-Key": "the key"}
        answers.append(await client.fetch("/jobs", method="POST", body=body, headers=headers))
    first, second, third = answers
    assert json.loads(first.body)["job_id"] == json.loads(second.body)["job_id"]
    assert third.code == 422


async def test_several_files_together_are_limited(client: Client, bench: Bench) -> None:
    each = b"x" * (MAX_FILE // 3)
    body, kind = form(analyze_form()[:2] + [("files", f"{n}.log", each) for n in range(3)])
    headers = {"Content-Type": kind}
    read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 413)
    assert files(bench) == []


async def test_the_bytes_around_the_parts_are_limited() -> None:
    async def open_file(delimiter: bytes) -> FilePart:
        raise AssertionError("there is no file")

    limited = FormBody("cut", 100, 1000, open_file, lambda buffer: None)
    for _ in range(6):
        await limited.write(b"-" * 10_000)
    with pytest.raises(Problem, match="the form is larger"):
        await limited.write(b"-" * 10_000)


PAYLOAD = ("payload", None, b'{"patterns": ["ERROR"]}')
TYPE = ("type", None, b"analyze")
UPLOAD = ("filename", "a.log", FILE)

BAD_FORMS: list[tuple[list[Any], int, str | None]] = [
    ([TYPE, PAYLOAD], 422, "filename"),
    ([TYPE, PAYLOAD, ("filename", None, FILE)], 422, "filename"),
    ([TYPE, PAYLOAD, UPLOAD, UPLOAD], 422, "filename"),
    ([TYPE, PAYLOAD, PAYLOAD, UPLOAD], 422, "payload"),
    ([UPLOAD, TYPE, PAYLOAD, ("file", "b.log", b"")], 422, "file"),
    ([UPLOAD, PAYLOAD], 422, "type"),
    ([UPLOAD, TYPE], 422, "payload"),
    ([UPLOAD, TYPE, ("payload", None, b'{"patterns": []}')], 422, "payload.patterns"),
    ([UPLOAD, TYPE, ("payload", None, b'{"patterns": [""]}')], 422, "payload.patterns[0]"),
    ([UPLOAD, TYPE, ("payload", None, b'{"patterns": ["a", "a"]}')], 422, "payload.patterns[1]"),
    ([UPLOAD, TYPE, ("payload", None, b'{"patterns": "a"}')], 422, "payload.patterns"),
    ([UPLOAD, TYPE, ("payload", None, b'"text"')], 422, "payload"),
    ([UPLOAD, ("type", None, b"sleep"), ("payload", None, b'{"seconds": 1}')], 422, "filename"),
    ([UPLOAD, TYPE, PAYLOAD, ("max_retries", None, b"-1")], 422, "max_retries"),
    ([UPLOAD, TYPE, PAYLOAD, ("max_retries", None, b"many")], 400, None),
    ([UPLOAD, TYPE, ("payload", None, b"{")], 400, None),
    ([UPLOAD, TYPE, ("payload", None, b"")], 400, None),
    ([UPLOAD, TYPE, ("payload", None, b"x" * 2001)], 413, None),
    ([UPLOAD, ("type", None, b"\xff"), PAYLOAD], 422, "type"),
    ([TYPE, PAYLOAD, ("filename", "a.log", b"x" * (MAX_FILE + 1))], 413, None),
    ([], 422, "type"),
]


@pytest.mark.parametrize(("parts", "status", "field"), BAD_FORMS)
async def test_an_invalid_form_is_refused_and_leaves_no_file(
    client: Client, bench: Bench, parts: list[Any], status: int, field: str | None
) -> None:
    problem = await client.post_form(parts, status=status)
    assert field is None or field in fields(problem)
    wait_for(lambda: not files(bench))
    assert (await client.get("/jobs"))["items"] == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=cut"),
        (b"no form at all", "multipart/form-data; boundary=cut"),
        (form(analyze_form())[0], "multipart/form-data; boundary=other"),
        (form(analyze_form())[0], "multipart/form-data"),
        (form(analyze_form())[0][:-8], "multipart/form-data; boundary=cut"),
        (form(analyze_form())[0].replace(b"form-data; ", b""), "multipart/form-data; boundary=cut"),
        (b"--cut\r\nX: " + b"y" * 9000 + b"\r\n\r\n", "multipart/form-data; boundary=cut"),
    ],
)
async def test_a_malformed_form_is_a_400_and_leaves_no_file(
    client: Client, bench: Bench, body: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert response.code == 400, response.body
    wait_for(lambda: not files(bench))


async def test_the_file_of_an_earlier_job_can_be_analyzed_again(client: Client) -> None:
    first = (await client.post_form(analyze_form()))["job_id"]
    document = {"type": "analyze", "payload": {"patterns": ["x"], "source": {"job_id": first}}}
    second = (await client.post("/jobs", document))["job_id"]
    uploads = [(await client.get(f"/jobs/{job_id}"))["upload"] for job_id in (first, second)]
    assert uploads[0] == uploads[1]


@pytest.mark.parametrize("job_id", ["01a21054-ecc3-7788-9e49-c6d97d1c0c65", "sleep"])
async def test_a_source_without_a_file_is_named(client: Client, job_id: str) -> None:
    if job_id == "sleep":
        job_id = await client.sleep_job()
    document = {"type": "analyze", "payload": {"patterns": ["x"], "source": {"job_id": job_id}}}
    problem = await client.post("/jobs", document, status=422)
    assert fields(problem) == ["payload.source.job_id"]


async def test_a_source_and_a_file_exclude_each_other(client: Client) -> None:
    payload = b'{"patterns": ["a"], "source": {"job_id": "01a21054-ecc3-7788-9e49-c6d97d1c0c65"}}'
    parts = [TYPE, ("payload", None, payload), UPLOAD]
    assert fields(await client.post_form(parts, status=422)) == ["payload.source"]


async def test_a_file_of_exactly_the_limit_is_accepted(client: Client) -> None:
    await client.post_form(analyze_form(b"x" * MAX_FILE))


async def test_a_connection_can_be_reused_after_a_refused_upload(
    client: Client, bench: Bench
) -> None:
    body, content_type = form(analyze_form(b"x" * (MAX_FILE + 1)))
    request = _head(len(body), content_type) + body
    good, _ = form(analyze_form())
    reader, writer = await _connect(client)
    writer.write(request + _head(len(good), content_type) + good)
    answers = await reader.readuntil(b'"queued"}\n')
    assert answers.index(b" 413 ") < answers.index(b" 202 ")
    writer.close()


async def test_with_expect_100_continue_a_large_file_is_refused_before_it_is_sent(
    client: Client,
) -> None:
    _, content_type = form([])
    reader, writer = await _connect(client)
    writer.write(_head(10**12, content_type, "Expect: 100-continue"))
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_an_upload_cut_off_by_its_client_leaves_no_file(
    client: Client, bench: Bench, app: App
) -> None:
    body, content_type = form(analyze_form(b"x" * MAX_FILE))
    _, writer = await _connect(client)
    writer.write(_head(len(body), content_type) + body[:-1000])
    await writer.drain()
    while not files(bench):
        await asyncio.sleep(0.01)
    writer.transport.abort()
    while files(bench):
        await asyncio.sleep(0.01)
    assert (await client.get("/jobs"))["items"] == []


async def test_uploads_to_a_slow_disk_delay_no_other_request(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, write, waiting = threading.Event(), FolderWriter.write, threading.Semaphore(0)

    def slow_write(writer: FolderWriter, *chunks: bytes) -> None:
        waiting.release()
        disk.wait()
        write(writer, *chunks)

    monkeypatch.setattr(FolderWriter, "write", slow_write)
    uploads = [asyncio.ensure_future(client.post_form(analyze_form())) for _ in range(FILE_THREADS)]
    try:
        for _ in uploads:
            await asyncio.to_thread(waiting.acquire)
        assert (await client.get("/jobs"))["items"] == []
    finally:
        disk.set()
    await asyncio.gather(*uploads)


async def _connect(client: Client) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlparse(client.base_url)
    connection = socket.create_connection((address.hostname, address.port))
    return await asyncio.open_connection(sock=connection)


def _head(size: int, content_type: str, *lines: str) -> bytes:
    head = ["POST /jobs HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}"]
    return "\r\n".join([*head, f"Content-Length: {size}", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("body", "boundary", "reason"),
    [
        (b"--x\r\nContent-Disposition\xff\r\n\r\n\r\n--x--\r\n", "x", "Malformed segment header"),
        (b"--x--\r\n", "", "its Content-Type has no boundary"),
        (b"--x--\r\n", "y", "it ends before its last boundary"),
        (form([("colour", None, b"red")] * 1033)[0], "cut", "it has more than 1032 parts"),
    ],
)
async def test_a_malformed_form_has_a_readable_error(
    client: Client, body: bytes, boundary: str, reason: str
) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    problem = read(response, 400)
    assert problem["detail"] == f"the form is malformed: {reason}"
    assert problem["errors"] == [{"field": "body", "detail": reason, "code": "malformed"}]


@pytest.mark.parametrize(
    ("name", "text", "example"),
    [
        ("tags", b"a", '["nightly", "customer:42"]'),
        ("expires_in", b"1h", "3600"),
        ("metadata", b"x", '{"customer": 42}'),
        ("backoff", b"1,10", "[1, 10, 60]"),
        ("after", b"x", '["01a2'),
    ],
)
async def test_an_option_of_a_form_that_is_not_json_is_refused_with_an_example(
    client: Client, name: str, text: bytes, example: str
) -> None:
    payload = b'{"seconds": 1}'
    parts: list[tuple[str, str | None, bytes]] = [
        ("type", None, b"sleep"),
        ("payload", None, payload),
        (name, None, text),
    ]
    problem = await client.post_form(parts, 400)
    assert [each["field"] for each in problem["errors"]] == [name]
    assert f"it must be JSON such as {example}" in problem["detail"]
