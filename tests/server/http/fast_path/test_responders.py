"""The fast path: which requests it takes, and that it answers exactly as the handlers do."""

import asyncio
import json
import re
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import HTTPResponse

from server.http.fast_path.path import MAX_BODY_BYTES, MAX_HEAD_BYTES, Request
from server.jobs.response import Response
from server.start.app import App
from tests.support.api import Client
from tests.support.stores import RETURNED, Bench
from tests.support.waiting import until

pytestmark = pytest.mark.sqlite

SLEEP = b'{"type": "sleep", "payload": {"seconds": 0}}'
PLAIN = {"Host": "here", "Accept": "*/*"}
JSON = {**PLAIN, "Content-Type": "application/json", "Content-Length": str(len(SLEEP))}
JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"
DIFFERS = ("Date", "Location", "Etag", "X-Request-Id", "Content-Length")
"""Headers that depend on the time or on random ids, as does the length of a compressed body."""


def read_request(app: App, method: str, path: str, headers: dict[str, str]) -> Request | None:
    assert app.fast_path
    return app.fast_path.read(head(method, path, headers))


def test_simple_requests_take_the_fast_path(app: App) -> None:
    assert read_request(app, "POST", "/jobs", JSON)
    assert read_request(app, "GET", JOB, PLAIN)
    assert read_request(app, "POST", "/jobs?wait=30", JSON)
    assert read_request(app, "GET", f"{JOB}?wait=0", PLAIN)
    assert read_request(
        app, "POST", "/jobs", {**JSON, "traceparent": "00-1-2-01", "tracestate": "a=b"}
    )
    assert read_request(
        app, "POST", "/jobs", {**JSON, "Content-Type": "application/json; charset=UTF-8"}
    )
    node = {"accept-language": "*", "sec-fetch-mode": "cors", "accept-encoding": "br, gzip"}
    assert read_request(app, "GET", JOB, {**PLAIN, **node})
    proxied = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "X-Real-IP": "10.0.0.1"}
    assert read_request(app, "GET", JOB, {**PLAIN, **proxied})
    assert read_request(app, "POST", "/jobs", {**JSON, "Idempotency-Key": "k"})
    assert read_request(app, "GET", JOB, {**PLAIN, "Prefer": "wait=1"})
    assert read_request(app, "POST", "/jobs", {**JSON, "Authorization": "Bearer x"})
    assert read_request(app, "POST", f"{JOB}/cancel", PLAIN)
    assert read_request(app, "POST", f"{JOB}/cancel", {**PLAIN, "Content-Length": "0"})


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/jobs", {**JSON, "Expect": "100-continue"}),
        ("POST", "/jobs", {**JSON, "Origin": "http://elsewhere"}),
        ("POST", "/jobs", {**JSON, "Content-Type": "multipart/form-data; boundary=x"}),
        ("POST", "/jobs", {**JSON, "Content-Length": str(MAX_BODY_BYTES + 1)}),
        ("POST", "/jobs", {**PLAIN, "Content-Type": "application/json"}),
        ("POST", "/jobs?a=b", JSON),
        ("PUT", "/jobs", JSON),
        ("GET", JOB + "?wait=1.5", PLAIN),
        ("GET", JOB + "?wait=61", PLAIN),
        ("POST", "/jobs?wait=1&a=b", JSON),
        ("GET", JOB, {**PLAIN, "If-None-Match": '"x"'}),
        ("HEAD", JOB, PLAIN),
        ("GET", "/jobs/1", PLAIN),
        ("GET", "/jobs", PLAIN),
        ("GET", JOB, {"Accept": "*/*"}),
        ("GET", JOB, {"Host": "a b"}),
        ("GET", JOB, {**PLAIN, "host": "other"}),
        ("GET", JOB, {**PLAIN, "Connection": "keep-alive", "connection": "close"}),
        ("GET", JOB, {**PLAIN, "Connection": "upgrade"}),
        ("GET", JOB, {**PLAIN, "User-Agent": "\N{LATIN SMALL LETTER E WITH ACUTE}"}),
        ("GET", JOB, {**PLAIN, "User-Agent": "a\r\n b"}),
        ("GET", JOB, {**PLAIN, "User-Agent": "a" * MAX_HEAD_BYTES}),
        ("GET", JOB, JSON),
        ("POST", "/jobs", {**JSON, "content-length": str(len(SLEEP))}),
        ("POST", "/jobs", {**JSON, "Content-Length": "+5"}),
        ("POST", "/jobs", {**JSON, "Content-Type": "application/json; charset=latin1"}),
        ("POST", "/jobs", {**JSON, "Sec-Fetch-Site": "cross-site"}),
        ("POST", "/jobs", PLAIN),
        ("POST", "/jobs", {**PLAIN, "Content-Length": "0"}),
        ("GET", f"{JOB}/cancel", PLAIN),
        ("POST", JOB, PLAIN),
        ("POST", f"{JOB}/cancel", JSON),
        ("POST", f"{JOB}/cancel", {**PLAIN, "Cookie": "a=b"}),
        ("POST", "/jobs/cancel", PLAIN),
    ],
)
def test_all_other_requests_are_left_to_tornado(
    app: App, method: str, path: str, headers: dict[str, str]
) -> None:
    assert not read_request(app, method, path, headers)


def comparable(response: HTTPResponse) -> tuple[int, dict[str, str], Any]:
    """The parts of a response that must be equal on both paths. Ids are replaced."""
    headers = {name: value for name, value in response.headers.items() if name not in DIFFERS}
    body = re.sub(rb"[0-9a-f-]{36}|(?<=request_id\": \")[0-9a-f]{16}", b"ID", response.body)
    return response.code, headers, body


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "body",
    [
        SLEEP,
        b"{",
        b"[1]",
        b'{"type": "sleep", "payload": {"seconds": -1}}',
        b'{"type": "sleep", "payload": {"seconds": 1}, "run_at": 5, "extra": 1}',
        b'{"type": "nothing", "payload": {}}',
        b'{"type": "analyze", "payload": {"patterns": ["a"]}}',
        b'{"type": "analyze", "payload": {"patterns": ["a"], "source": {"job_id": "'
        + JOB.encode()[6:]
        + b'"}}}',
        b'{"type": "sleep", "payload": {"seconds": NaN}}',
        b"",
    ],
)
async def test_a_submission_is_answered_alike(client: Client, body: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    fast = await client.fetch("/jobs", method="POST", body=body, headers=kind)
    slow = await client.fetch("/jobs", method="POST", body=body, headers={**kind, "X-Plain": "no"})
    assert comparable(fast) == comparable(slow)
    assert ("Location" in fast.headers) == (fast.code == 202) == ("Location" in slow.headers)


@pytest.mark.gen_test
async def test_a_submission_that_waits_is_answered_alike(client: Client) -> None:
    responses = []
    for more in ({}, {"X-Plain": "no"}):
        headers = {"Content-Type": "application/json", **more}
        options = {"method": "POST", "body": SLEEP, "headers": headers}
        asked = asyncio.ensure_future(client.fetch("/jobs?wait=20", **options))
        while not (items := (await client.get("/jobs?status=queued"))["items"]):
            await asyncio.sleep(0.01)
        await client.post(f"/jobs/{items[0]['job_id']}/cancel", status=200)
        code, sent, body = comparable(await asked)
        responses.append((code, sent, re.sub(rb"[0-9T:.-]{23}Z", b"TIME", body)))
    assert responses[0] == responses[1]
    assert (responses[0][0], "Etag" in responses[0][1]) == (200, False)


@pytest.mark.gen_test
@pytest.mark.parametrize("query", ["", "?wait=1"])
@pytest.mark.parametrize("state", ["unknown", "queued", "final"])
async def test_a_get_is_answered_alike(
    client: Client, bench: Bench, state: str, query: str
) -> None:
    path = JOB if state == "unknown" else f"/jobs/{await client.sleep_job()}"
    if state == "final":
        runner = bench.runner()
        runner.claims.complete(runner.claim_one(), "null", RETURNED)
    chosen = {"X-Request-ID": "1"}
    fast = await client.fetch(path + query, headers=chosen)
    slow = await client.fetch(path + query, headers={**chosen, "X-Plain": "no"})
    assert fast.code == (404 if state == "unknown" else 200)
    assert comparable(fast) == comparable(slow)
    assert fast.body == slow.body
    assert fast.headers.get("Etag") == slow.headers.get("Etag")


@pytest.mark.gen_test
@pytest.mark.parametrize("state", ["unknown", "queued", "canceled", "succeeded", "running"])
async def test_a_cancel_is_answered_alike(
    client: Client, bench: Bench, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.jobs.CANCEL_WAIT_SECONDS", 0.05)
    responses = []
    for more in ({}, {"X-Plain": "no"}):
        path = JOB if state == "unknown" else f"/jobs/{await client.sleep_job()}"
        if state in ("succeeded", "running"):
            runner = bench.runner()
            lease = runner.claim_one()
            if state == "succeeded":
                runner.claims.complete(lease, "null", RETURNED)
        elif state == "canceled":
            await client.post(f"{path}/cancel", status=200)
        options = {"method": "POST", "body": b"", "headers": more}
        responses.append(comparable(await client.fetch(f"{path}/cancel", **options)))
    expected = {"unknown": 404, "queued": 200, "canceled": 200, "succeeded": 409, "running": 202}
    assert responses[0] == responses[1]
    assert responses[0][0] == expected[state]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("where", "does", "logged"),
    [
        ("server.jobs.submissions.Submitted", {"side_effect": RuntimeError("planned")}, "planned"),
        (
            "server.jobs.submissions.Response",
            {"return_value": Response(202, object())},
            "not JSON serializable",
        ),
    ],
    ids=["in the call", "of the answer"],
)
async def test_an_unexpected_error_is_logged_and_gets_a_500_without_details(
    client: Client, caplog: pytest.LogCaptureFixture, where: str, does: Any, logged: str
) -> None:
    with patch(where, **does):
        response = await client.fetch(
            "/jobs", method="POST", body=SLEEP, headers={"Content-Type": "application/json"}
        )
    assert (response.code, json.loads(response.body)["detail"]) == (
        500,
        "internal error; it has been logged",
    )
    assert logged in caplog.text


@pytest.mark.gen_test
async def test_the_request_of_a_client_that_goes_away_is_canceled(app: App, client: Client) -> None:
    activity, job_id = app.activity, await client.sleep_job()
    _, writer = await connect(client)
    writer.write(head("GET", f"/jobs/{job_id}?wait=60", PLAIN))
    await until(lambda: activity._requests == 1)
    (handling,) = [
        each for each in asyncio.all_tasks() if "FastConnection._handle" in str(each.get_coro())
    ]
    writer.close()
    await until(lambda: activity._requests == 0 and handling.done())


@pytest.mark.gen_test
async def test_several_requests_are_answered_over_one_connection(client: Client) -> None:
    reader, writer = await connect(client)
    last = head("GET", "/jobs?limit=5", {**PLAIN, "Connection": "close"})
    writer.write((head("POST", "/jobs", JSON) + SLEEP) * 3 + last)
    answers = await reader.read()
    writer.close()
    assert answers.count(b"HTTP/1.1 202 Accepted\r\n") == 3
    assert answers.count(b'"job_id"') == 6


async def connect(client: Client) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(client.base_url.rpartition(":")[2]))


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


@pytest.mark.gen_test
async def test_a_repeated_submission_is_answered_alike(client: Client) -> None:
    async def submit(body: bytes, key: str, **more: str) -> HTTPResponse:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, **more}
        return await client.fetch("/jobs", method="POST", body=body, headers=headers)

    plain = {"X-Plain": "no"}
    first = await submit(SLEEP, "a")
    for body, key, code in ((SLEEP, "a", 202), (SLEEP[:-1], "a", 400), (SLEEP, "", 400)):
        fast, slow = await submit(body, key), await submit(body, key, **plain)
        assert (fast.code, comparable(fast)) == (code, comparable(slow))
        if code == 202:
            assert fast.headers["Idempotency-Replayed"] == "true"
            assert fast.body == slow.body == first.body
    other = SLEEP.replace(b"0", b"1")
    fast, slow = await submit(other, "a"), await submit(other, "a", **plain)
    assert (fast.code, comparable(fast)) == (422, comparable(slow))


@pytest.mark.gen_test
@pytest.mark.parametrize("prefer", ["wait=0", "respond-async, wait=0", "wait=soon", "handling=x"])
@pytest.mark.parametrize("query", ["", "?wait=0"])
async def test_a_preference_is_answered_alike(client: Client, query: str, prefer: str) -> None:
    path = f"/jobs/{await client.sleep_job()}{query}"
    chosen = {"Prefer": prefer, "X-Request-ID": "1"}
    fast = await client.fetch(path, headers=chosen)
    slow = await client.fetch(path, headers={**chosen, "X-Plain": "no"})
    assert comparable(fast) == comparable(slow)
    applied = "wait=0" if "wait=0" in prefer and not query else None
    assert fast.headers.get("Preference-Applied") == applied


@pytest.mark.gen_test
async def test_a_request_is_logged_alike(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "server.http.request_log")
    path = f"/jobs/{await client.sleep_job()}"
    logged = []
    for more in ({}, {"X-Plain": "no"}):
        caplog.clear()
        await client.fetch(path + "?wait=0", headers={"X-Request-ID": "1", **more})
        (line,) = [each for each in caplog.records if each.message == "request"]
        names = ("method", "path", "status", "address", "request_id")
        logged.append([getattr(line, name) for name in names])
    assert logged[0] == logged[1] == ["GET", path, 200, "127.0.0.1", "1"]
