"""Invalid input of every kind: the error names the field, and nothing is stored."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.api import Client, fields

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]
SLEEP = {"type": "sleep", "payload": {"seconds": 1}}

FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"type": None}, "type"),
    ({"type": 5}, "type"),
    ({"type": ""}, "type"),
    ({"type": "nap"}, "type"),
    ({"payload": None}, "payload"),
    ({"payload": []}, "payload"),
    ({"payload": "x"}, "payload"),
    ({"payload": {}}, "payload.seconds"),
    ({"payload": {"seconds": -0.1}}, "payload.seconds"),
    ({"payload": {"seconds": "1"}}, "payload.seconds"),
    ({"payload": {"seconds": True}}, "payload.seconds"),
    ({"payload": {"seconds": None}}, "payload.seconds"),
    ({"payload": {"seconds": 1e300}}, "payload.seconds"),
    ({"payload": {"seconds": 10**200}}, "payload.seconds"),
    ({"payload": {"seconds": 1, "more": 2}}, "payload.more"),
    ({"max_retries": -1}, "max_retries"),
    ({"max_retries": 101}, "max_retries"),
    ({"max_retries": 1.5}, "max_retries"),
    ({"max_retries": "1"}, "max_retries"),
    ({"max_retries": True}, "max_retries"),
    ({"max_retries": None}, "max_retries"),
    ({"max_losses": -1}, "max_losses"),
    ({"max_losses": 101}, "max_losses"),
    ({"max_losses": 0.5}, "max_losses"),
    ({"max_losses": "1"}, "max_losses"),
    ({"max_losses": None}, "max_losses"),
    ({"loss_count": 0}, "loss_count"),
    ({"timeout": 0}, "timeout"),
    ({"timeout": -1}, "timeout"),
    ({"timeout": "5"}, "timeout"),
    ({"timeout": 1e12}, "timeout"),
    ({"priority": 101}, "priority"),
    ({"priority": -101}, "priority"),
    ({"priority": 0.5}, "priority"),
    ({"delay": -1}, "delay"),
    ({"delay": 1e12}, "delay"),
    ({"delay": "soon"}, "delay"),
    ({"delay": 1, "run_at": "2030-01-01T00:00:00Z"}, "delay"),
    ({"run_at": "tomorrow"}, "run_at"),
    ({"run_at": "2030-01-01T00:00:00"}, "run_at"),
    ({"run_at": "2030-13-01T00:00:00Z"}, "run_at"),
    ({"run_at": 1893456000}, "run_at"),
    ({"run_at": "9999-12-31T23:59:59-23:59"}, "run_at"),
    ({"run_at": "0001-01-01T00:00:00+23:59"}, "run_at"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("change", "field"), FIELDS, ids=lambda value: str(value)[:40])
async def test_a_bad_field_is_named(client: Client, change: dict[str, Any], field: str) -> None:
    problem = await client.post("/jobs", {**SLEEP, **change}, status=422)
    assert field in fields(problem)
    assert (await client.get("/jobs"))["items"] == []


@pytest.mark.parametrize("field", ["type", "payload"])
async def test_a_missing_field_is_named(client: Client, field: str) -> None:
    document = {name: value for name, value in SLEEP.items() if name != field}
    assert fields(await client.post("/jobs", document, status=422)) == [field]


@pytest.mark.parametrize("document", [[], "text", 5, None, True])
async def test_a_body_that_is_not_an_object_is_refused(client: Client, document: Any) -> None:
    assert fields(await client.post("/jobs", document, status=422)) == ["body"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{", "line 1, column 2"),
        (b"{} {}", "column 4"),
        (b'{"type": "sleep",\n "payload": }', "line 2"),
        (b'{"type": NaN}', "type: NaN"),
        (b'{"payload": {"seconds": Infinity}}', "payload.seconds: Infinity"),
        (b'{"payload": {"seconds": [1, -Infinity]}}', "payload.seconds[1]: -Infinity"),
        (b'{"payload": {"seconds": 1e400}}', "payload.seconds: 1e400"),
        (b'{"payload": {"seconds": ' + b"9" * 400 + b"}}", "payload.seconds: 999"),
        (b'{"payload": {"seconds": ' + b"9" * 9000 + b"}}", "payload.seconds: 999"),
        (b'{"type": "a", "type": "b"}', "type: given twice"),
        (b'{"payload": {"a": 1, "a": 2}}', "payload.a: given twice"),
        (b'{"type": "\\ud800"}', "type: text must not contain a lone surrogate"),
        (b'{"\\udfff": 1}', "lone surrogate"),
        (b'{"type": "a\\u0000b"}', "type: text must not contain NUL"),
        (b"[" * 100_000, "nested deeper"),
        (b"[" * 50 + b"]" * 50, "nested deeper"),
        (b'{"a":' * 50 + b"1" + b"}" * 50, "nested deeper"),
        (b'{"type": "\xff"}', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ("{}".encode("utf-16"), "not UTF-8"),
    ],
    ids=lambda value: str(value[:30]),
)
async def test_invalid_json_is_a_400_that_says_where(
    client: Client, body: bytes, where: str
) -> None:
    assert where in (await client.post("/jobs", body, status=400))["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": ";;;"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_an_unsupported_media_type_is_a_415(client: Client, headers: dict[str, str]) -> None:
    body = json.dumps(SLEEP)
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert response.code == 415


async def test_a_json_body_over_the_limit_is_a_413(client: Client) -> None:
    problem = await client.post("/jobs", b" " * (1024**2 + 1), status=413)
    assert "1048576 bytes" in problem["detail"]
    await client.post("/jobs", SLEEP)


async def test_a_chunked_body_over_the_limit_is_a_413(client: Client) -> None:
    async def produce(write: Any) -> None:
        for _ in range(20):
            await write(b" " * 100_000)

    response = await client.fetch(
        "/jobs",
        method="POST",
        body_producer=produce,
        headers={"Content-Type": "application/json"},
    )
    assert response.code == 413


@pytest.mark.parametrize("digits", [101, 5000])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_a_content_length_with_too_many_digits_is_a_400(
    client: Client, kind: str, digits: int
) -> None:
    lines = f"Host: here\r\nContent-Type: {kind}\r\nContent-Length: {'9' * digits}\r\n\r\n"
    reader, writer = await asyncio.open_connection(*client.base_url[7:].split(":"))
    writer.write(f"POST /jobs HTTP/1.1\r\n{lines}".encode())
    assert (await reader.read())[:13] == b"HTTP/1.1 400 "
    writer.close()


async def test_a_big_body_for_a_call_without_a_body_is_a_413(client: Client) -> None:
    response = await client.fetch("/jobs/x/cancel", method="POST", body=b"x" * 100_000)
    assert response.code == 413


@pytest.mark.parametrize("path", ["/jobs/%ff", "/jobs?status=%ff", "/jobs?cursor=%ff"])
async def test_a_path_or_a_query_that_is_not_utf_8_is_a_400(client: Client, path: str) -> None:
    await client.get(path, status=400)


async def test_a_page_of_another_origin_cannot_submit(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Origin": "http://evil.example"}
    headers["Sec-Fetch-Site"] = "cross-site"
    body = json.dumps(SLEEP)
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert response.code == 403
    assert response.headers["Content-Type"] == "application/problem+json"
