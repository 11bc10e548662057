"""The quota of bytes: forms, files alone, resumable uploads, copies, and files that jobs leave."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlparse

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.api.jobs.submission import SubmissionHandler
from server.jobs.quotas import usage as use_counts
from server.start.app import App
from tests.support.api import Client, analyze_form, form, listener_client, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.job_files import complete_with_files
from tests.support.stores import Bench, upload_files

pytestmark = [pytest.mark.gen_test, pytest.mark.tornado]
QUOTA = 3_000_000
SIZE = 2_000_000
CONTENT = b"one ERROR\n" * (SIZE // 10)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TOKENS = API_TOKENS.replace("ann:submit", f"ann:submit bytes={QUOTA}")
JSON = {"Content-Type": "application/json"}
ANALYZE = {"type": "analyze", "payload": {"patterns": ["ERROR"]}}
STREAM = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """A listener whose caller ann may keep 3 MB."""
    given = {"api_tokens": TOKENS, "min_free_bytes": 0}
    with open_app(bench, io_loop, **given) as application:
        yield application


@pytest.fixture(autouse=True)
def small_limits() -> Iterator[None]:
    """Let a request without room be counted again, however shortly after the last count."""
    with (
        patch.multiple(use_counts, FULL_COUNT_SECONDS=0.0, COST_FACTOR=0),
        patch.object(SubmissionHandler, "MAX_JSON_BYTES", 1024),
    ):
        yield


def stored(bench: Bench) -> list[Path]:
    """All files of uploads, complete or not."""
    folder = bench.store.settings.data_dir / "uploads"
    return upload_files(folder)


async def send_form(
    client: Client, content: bytes = CONTENT, query: str = "", caller: str = "ann", **more: Any
) -> HTTPResponse:
    body, kind = form([*analyze_form(content), *((n, None, t.encode()) for n, t in more.items())])
    headers = {**bearer(caller), "Content-Type": kind}
    return await client.fetch(f"/jobs{query}", method="POST", body=body, headers=headers)


async def post(client: Client, path: str, document: Any = None, **headers: str) -> HTTPResponse:
    body = b"" if document is None else json.dumps(document).encode()
    given = {**bearer("ann"), **JSON, **headers}
    return await client.fetch(path, method="POST", body=body, headers=given)


async def used(client: Client, caller: str = "ann") -> Any:
    found = (await client.get("/session", headers=bearer(caller)))["quotas"]["bytes"]
    return found and found["used"]


async def delete(client: Client, path: str) -> None:
    await client.fetch(path, method="DELETE", headers=bearer("ann"))


async def begin(client: Client, size: int = SIZE) -> HTTPResponse:
    return await post(client, "/uploads", None, **{"Upload-Length": str(size)})


async def append(client: Client, path: str, at: int, data: bytes) -> HTTPResponse:
    headers = {**bearer("ann"), **STREAM, "Upload-Offset": str(at)}
    return await client.fetch(path, method="PATCH", body=data, headers=headers)


async def test_a_file_beyond_the_quota_is_refused_before_it_arrives(
    app: App, client: Client, bench: Bench
) -> None:
    first = read(await send_form(client), 202)["job_id"]
    answer = await send_form(client)
    problem = read(answer, 429)
    assert problem["code"] == "quota_exceeded"
    assert problem["detail"].startswith(
        f"ann may have {QUOTA} bytes of files (quota bytes), and has {SIZE}, so "
    )
    assert problem["detail"].endswith("delete jobs with files, or uploads, that are not needed")
    assert (problem["quota"], problem["limit"], problem["used"]) == ("bytes", QUOTA, SIZE)
    assert "Retry-After" not in answer.headers
    assert len(stored(bench)) == 1
    read(await send_form(client, caller="sue"), 202)
    read(await post(client, f"/jobs/{first}/cancel"), 200)
    await delete(client, f"/jobs/{first}")
    read(await send_form(client), 202)
    assert app.authenticator.quotas.refused["bytes"] == 1


async def test_a_file_larger_than_the_quota_is_a_413(client: Client, bench: Bench) -> None:
    for answer in (await send_form(client, CONTENT * 2), await begin(client, QUOTA + 1)):
        problem = read(answer, 413)
        assert problem["code"] == "larger_than_quota"
        assert f"{QUOTA} bytes of files (quota bytes), and this request" in problem["detail"]
    assert stored(bench) == []
    read(await send_form(client, CONTENT + CONTENT[: QUOTA - SIZE]), 202)
    assert await used(client) == QUOTA


async def test_a_file_that_never_fits_is_refused_although_jobs_may_start_soon(
    bench: Bench,
) -> None:
    tokens = API_TOKENS.replace("ann:submit", f"ann:submit queued=1 bytes={QUOTA}")
    async with listener_client(bench, api_tokens=tokens) as client:
        read(await post(client, "/jobs", {"type": "sleep", "payload": {"seconds": 5}}), 202)
        assert read(await send_form(client, CONTENT * 2), 413)["quota"] == "bytes"
        assert read(await send_form(client), 429)["quota"] == "queued"


async def test_bytes_follow_the_begin_of_an_upload_at_once(client: Client) -> None:
    """The count that the begin starts in the background may find the upload already."""
    with patch.object(use_counts, "COUNT_SECONDS", 0.0):
        for _ in range(20):
            upload_id = read(await begin(client), 201)["upload_id"]
            assert (await append(client, f"/uploads/{upload_id}", 0, b"abc")).code == 204
            await delete(client, f"/uploads/{upload_id}")
            while await used(client):  # a count may have begun before
                pass


async def test_a_body_without_a_length_is_refused_while_it_arrives(
    client: Client, bench: Bench
) -> None:
    async def pieces(write: Any, content: bytes) -> None:
        for at in range(0, len(content), 100_000):
            await write(content[at : at + 100_000])

    async def put(content: bytes) -> HTTPResponse:
        return await client.fetch(
            "/analyze?p=ERROR&wait=0",
            method="PUT",
            body_producer=lambda write: pieces(write, content),
            headers=bearer("ann") | {"Accept": "application/json"},
        )

    assert read(await put(CONTENT * 2), 413)["code"] == "larger_than_quota"
    read(await put(CONTENT), 202)
    assert read(await put(CONTENT), 429)["quota"] == "bytes"
    assert len(stored(bench)) == 1
    assert await used(client) == SIZE


async def test_small_files_of_forms_are_counted_to_the_byte(client: Client, bench: Bench) -> None:
    read(await send_form(client), 202)
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        for _ in range(10):
            read(await send_form(client, b"x" * 100_000), 202)
        assert read(await send_form(client, b"x"), 429)["used"] == QUOTA
    assert len(stored(bench)) == 11


async def test_files_that_are_not_kept_do_not_count(client: Client, bench: Bench) -> None:
    half = CONTENT[: QUOTA // 2]
    unique = {"unique_key": "k", "if_exists": "return"}
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        for _ in range(3):
            read(await send_form(client, half, queue="none"), 422)
            read(await send_form(client, half, query="?dry_run=true"), 200)
        for _ in range(3):
            read(await send_form(client, half, **unique), 202)
        assert await used(client) == len(half)
    assert len(stored(bench)) == 1


async def test_a_client_that_goes_away_leaves_nothing_reserved(app: App, client: Client) -> None:
    address = urlparse(client.base_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"PUT /analyze?p=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n"
    writer.write(f"{head}Authorization: {bearer('ann')['Authorization']}\r\n\r\n".encode())
    writer.write(CONTENT[: SIZE // 2])
    while await used(client) != SIZE:
        pass
    writer.close()
    while await used(client):
        pass
    read(await send_form(client), 202)


async def test_a_file_that_is_stored_after_its_client_went_away_counts(app: App) -> None:
    tokens = app.authenticator.tokens
    ann = tokens and tokens.by_name("ann")
    assert ann
    reserved = await app.quotas.reserve(ann.caller, 1, 500)
    assert reserved
    reserved.release()
    reserved.arrive(700)
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        assert await app.quotas.bytes(ann.caller) == (QUOTA, 0)
        reserved.keep(1, 700)
        assert await app.quotas.bytes(ann.caller) == (QUOTA, 700)


async def test_payloads_do_not_count(client: Client) -> None:
    read(await send_form(client, CONTENT + CONTENT[: QUOTA - SIZE]), 202)
    sleep = {"type": "sleep", "payload": {"seconds": 5}, "metadata": {"a": "x" * 500}}
    read(await post(client, "/jobs", sleep), 202)
    read(await post(client, "/jobs/batch", [sleep] * 3), 202)


async def test_a_resumable_upload_counts_from_its_beginning_until_it_is_deleted(
    client: Client,
) -> None:
    path = read(await begin(client), 201)["upload_id"]
    assert await used(client) == SIZE
    assert read(await begin(client), 429)["quota"] == "bytes"
    read(await send_form(client), 429)
    await delete(client, f"/uploads/{path}")
    read(await begin(client), 201)


async def test_a_job_takes_over_the_bytes_of_an_upload_and_the_next_copy_counts(
    client: Client,
) -> None:
    upload_id = read(await begin(client), 201)["upload_id"]
    path = f"/uploads/{upload_id}"
    assert (await append(client, path, 0, CONTENT)).code == 204
    job = {**ANALYZE, "upload": {"id": upload_id}}
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        read(await post(client, "/jobs", job), 202)
        assert await used(client) == SIZE
        problem = read(await post(client, "/jobs", job), 429)
        assert (problem["quota"], problem["used"]) == ("bytes", SIZE)
    assert read(await post(client, "/jobs", job), 429)["used"] == SIZE
    await delete(client, path)
    assert await used(client) == SIZE


async def test_a_repeat_of_the_request_that_has_filled_the_quota_gets_its_response(
    app: App, client: Client, bench: Bench
) -> None:
    key = {"Idempotency-Key": "form"}
    body, kind = form(analyze_form(CONTENT))
    headers = {**bearer("ann"), "Content-Type": kind, **key}
    first, again = [
        await client.fetch("/jobs", method="POST", body=body, headers=headers) for _ in range(2)
    ]
    assert read(again, 202) == read(first, 202)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await used(client) == SIZE
    assert len(stored(bench)) == 1
    other, kind = form(analyze_form(CONTENT + b"x"))
    headers["Content-Type"] = kind
    answer = await client.fetch("/jobs", method="POST", body=other, headers=headers)
    assert read(answer, 422)["code"] == "key_reused"
    assert len(stored(bench)) == 1
    headers["Idempotency-Key"] = "new"
    answer = await client.fetch("/jobs", method="POST", body=other, headers=headers)
    read(answer, 429)
    assert app.authenticator.quotas.refused["bytes"] == 1


async def test_a_repeat_of_a_small_form_gets_its_response_with_a_full_quota(
    client: Client,
) -> None:
    body, kind = form(analyze_form(b"x" * 10))
    headers = {**bearer("ann"), "Content-Type": kind, "Idempotency-Key": "small"}
    first = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    read(await send_form(client), 202)
    read(await send_form(client, b"x" * (QUOTA - SIZE - 10)), 202)
    again = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert read(again, 202) == read(first, 202)
    read(await send_form(client, b"x" * 10), 429)


async def test_a_repeated_job_of_an_upload_gets_its_response_with_a_full_quota(
    client: Client,
) -> None:
    path = urlparse((await begin(client)).headers["Location"]).path
    await append(client, path, 0, CONTENT)
    job = {**ANALYZE, "upload": {"id": path.rpartition("/")[2]}}
    first, again = [await post(client, "/jobs", job, **{"Idempotency-Key": "a"}) for _ in range(2)]
    assert read(again, 202) == read(first, 202)
    copy = {**ANALYZE, "upload": {"sha256": SHA256}}
    read(await post(client, "/jobs", copy, **{"Idempotency-Key": "b"}), 429)


async def test_a_dry_run_refuses_the_files_that_a_submission_would(
    client: Client, bench: Bench
) -> None:
    read(await send_form(client), 202)
    for size, status in ((QUOTA - SIZE + 10, 429), (QUOTA - SIZE, 200)):
        answer = await send_form(client, b"x" * size, "?dry_run=true")
        problem = read(answer, status)
        if status == 429:
            assert problem["used"] == SIZE
            assert await used(client) == SIZE
    assert len(stored(bench)) == 1
    read(await send_form(client, b"x" * (QUOTA - SIZE)), 202)


async def test_a_copy_by_hash_counts(client: Client, bench: Bench) -> None:
    read(await send_form(client, caller="sue"), 202)
    job = {**ANALYZE, "upload": {"sha256": SHA256, "name": "again.log"}}
    read(await post(client, "/jobs", job), 202)
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        assert read(await post(client, "/jobs", job), 429)["used"] == SIZE
    assert len(stored(bench)) == 2
    assert await used(client) == SIZE


async def test_files_that_jobs_leave_count_and_stop_uploads(client: Client, bench: Bench) -> None:
    upload_id = read(await begin(client), 201)["upload_id"]
    assert (await append(client, f"/uploads/{upload_id}", 0, b"abc")).code == 204
    bench.queues.put("files")
    sleep = {"type": "sleep", "payload": {"seconds": 5}, "queue": "files"}
    read(await post(client, "/jobs", sleep), 202)
    complete_with_files(bench, bench.runner({"files"}), {"a": b"x" * SIZE})
    with patch.object(use_counts, "COUNT_SECONDS", 0.0):
        await used(client)
        while await used(client) != 2 * SIZE:
            pass
    assert read(await append(client, f"/uploads/{upload_id}", 3, b"d"), 429)["used"] == 2 * SIZE
    read(await send_form(client, b"x"), 429)
    read(await post(client, "/jobs", sleep), 202)


async def test_nothing_is_counted_for_callers_without_a_quota(app: App, client: Client) -> None:
    with patch.object(app.quotas._bytes, "_begin", None):
        read(await send_form(client, caller="sue"), 202)
        assert await used(client, "sue") is None
