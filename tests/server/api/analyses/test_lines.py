"""Lines of the files of jobs, over real sockets and by real reading processes."""

import asyncio
import gzip
import json
import os
import signal
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from tornado.simple_httpclient import HTTPStreamClosedError

from server.api.analyses import lines as handler
from server.start.app import App
from tests.support.api import Client, fields
from tests.support.loganalysis.archives import tar_of
from tests.support.stores import Bench, folder_of

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]
LINES = [
    f"2026-11-25T13:{number // 60:02}:{number % 60:02}Z {'ERROR' if number % 10 == 0 else 'INFO'} "
    f"request {number} größe"
    for number in range(600)
]
FILE = "\n".join(LINES).encode() + b"\n"
TEXT = {"Accept": "text/plain"}


async def upload(client: Client, content: bytes = FILE, **payload: Any) -> str:
    """Submit a job with a file; return the address of its lines."""
    document = json.dumps({"patterns": ["ERROR"], **payload}).encode()
    parts = [
        ("type", None, b"analyze"),
        ("payload", None, document),
        ("filename", "app.log", content),
    ]
    return f"/jobs/{(await client.post_form(parts))['job_id']}/lines"


def numbers(page: Any) -> list[int]:
    return [each["line"] for each in page["lines"]]


def reading_process(app: App) -> int:
    """The id of the only process that reads lines."""
    (pid,) = [
        running[0].pid for each in app.line_readers._readers if (running := each._process._running)
    ]
    return pid


async def test_a_page_has_lines_with_number_time_and_matches(client: Client) -> None:
    address = await upload(client)
    page = await client.get(f"{address}?match=ERROR&limit=2&before=1")
    assert numbers(page) == [1, 10, 11]
    assert page["lines"][1]["context"]
    assert page["lines"][2] == {
        "line": 11,
        "time": "2026-11-25T13:00:10.000Z",
        "text": LINES[10],
        "matches": [[21, 26]],
    }
    following = await client.get(f"{address}?match=ERROR&limit=2&cursor={page['next']}")
    assert numbers(following) == [21, 31]
    assert page["problem"] is None


@pytest.mark.heavy
@pytest.mark.parametrize("condition", ["match=ERROR%20", "match=%20ERROR", "regex=%20ERROR%20"])
async def test_blanks_at_the_ends_of_a_text_count(client: Client, condition: str) -> None:
    content = b"xERROR\nx ERROR y\nERRORy\n"
    address = await upload(client, content)
    assert numbers(await client.get(f"{address}?{condition}")) == [2]


async def test_lines_are_found_by_number_and_by_time(client: Client) -> None:
    address = await upload(client)
    assert numbers(await client.get(f"{address}?line=590&limit=3")) == [590, 591, 592]
    times = "from=2026-11-25T13:05:00Z&to=2026-11-25T13:05:03Z"
    assert numbers(await client.get(f"{address}?{times}")) == [301, 302, 303]
    assert numbers(await client.get(f"{address}?from=-2s")) == [598, 599, 600]


async def test_the_end_of_the_lines_has_no_next_page(client: Client) -> None:
    address = await upload(client)
    page = await client.get(f"{address}?line=599&limit=10")
    assert (numbers(page), page["next"]) == ([599, 600], None)
    beyond = await client.get(f"{address}?line=10000")
    assert (beyond["lines"], beyond["next"], beyond["total_lines"]) == ([], None, 600)


@pytest.mark.parametrize("content", [FILE, gzip.compress(FILE)], ids=["plain", "gzip"])
async def test_text_has_all_matching_lines(
    client: Client, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(handler, "TEXT_BYTES", 1000)  # many pieces
    address = await upload(client, content)
    answer = await client.fetch(address, headers=TEXT)
    assert (answer.code, answer.body) == (200, FILE)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    answer = await client.fetch(f"{address}?match=ERROR", headers=TEXT)
    assert answer.body.decode().splitlines() == LINES[::10]
    answer = await client.fetch(f"{address}?match=ERROR&limit=30", headers=TEXT)
    assert answer.body.decode().splitlines() == LINES[:300:10]


async def test_the_encoding_is_that_of_the_job(client: Client) -> None:
    address = await upload(client, FILE.decode().encode("latin-1"), encoding="latin1")
    page = await client.get(f"{address}?match={quote('größe')}&limit=1")
    assert page["lines"][0]["text"] == LINES[0]


TRACE = b"2026-11-25 13:00:00 ERROR a\nValueError: b\n at c\n2026-11-25 13:00:01 INFO d\n"


async def test_lines_come_as_the_job_has_counted_them(client: Client) -> None:
    expected: list[tuple[Any, str, list[int]]] = [
        ("multi_line", "", [1, 2, 3]),
        ("lines", "", [2]),
        ({"start": "Value|2026"}, "", [2, 3]),
        ("lines", "records=multi_line", [1, 2, 3]),
        ("multi_line", "records=lines", [2]),
        ({"start": "Value|2026"}, "records=multi_line", [1, 2, 3]),
    ]
    for counted, query, shown in expected:
        address = await upload(client, TRACE, records=counted)
        assert numbers(await client.get(f"{address}?match=Value&{query}")) == shown
        text = (await client.fetch(f"{address}?match=Value&{query}", headers=TEXT)).body
        assert text.count(b"\n") == len(shown)
    address = await upload(client, TRACE, records="multi_line")
    page = await client.get(f"{address}?limit=1")
    assert [each.get("continues", False) for each in page["lines"]] == [False, True, True]
    assert numbers(await client.get(f"{address}?cursor={page['next']}")) == [4]
    assert numbers(await client.get(f"{address}?line=3&limit=1")) == [1, 2, 3]


async def test_a_wrong_parameter_is_named(client: Client) -> None:
    address = await upload(client)
    wrong = [
        *("regex=a(", "regex=a*", "match=", "match=a%0Ab", "from=yesterday", "to=-5x", "line=0"),
        "records=multiline",
        *("before=51", "after=-1", "limit=1001", "limit=1_0", "cursor=x", "ignore_case=perhaps"),
        *("lines=5", "match=a&match=b"),
    ]
    for query in wrong:
        problem = await client.get(f"{address}?{query}", 422)
        assert fields(problem) == [query.partition("=")[0]]
    assert fields(await client.get(f"{address}?regex=a(", 422, headers=TEXT)) == ["regex"]


async def test_a_relative_time_without_times_in_the_file_is_refused(client: Client) -> None:
    address = await upload(client, b"no time\n")
    assert fields(await client.get(f"{address}?from=-5m", 422)) == ["from"]


async def test_a_job_without_a_file_has_no_lines(client: Client) -> None:
    job_id = await client.sleep_job()
    assert (await client.get(f"/jobs/{job_id}/lines", 404))["code"] == "file_not_found"
    unknown = "00000000-0000-0000-0000-000000000000"
    assert (await client.get(f"/jobs/{unknown}/lines", 404))["code"] == "job_not_found"
    assert (await client.get("/jobs/x/lines", 404))["code"] == "job_not_found"


async def test_a_file_that_is_gone_is_reported(client: Client, bench: Bench) -> None:
    address = await upload(client)
    await client.get(address)
    upload_of_job = bench.job(UUID(address.split("/")[2])).upload
    assert upload_of_job
    path = folder_of(bench.store).path(upload_of_job)
    path.unlink()
    assert (await client.get(address, 410))["code"] == "file_gone"
    path.write_bytes(b"other")
    assert (await client.get(address, 410, headers=TEXT))["code"] == "file_gone"


async def test_a_file_without_lines_is_refused(client: Client) -> None:
    address = await upload(client, b"7z\xbc\xaf\x27\x1c" + bytes(100))
    for headers in ({}, TEXT):
        problem = await client.get(address, 409, headers=headers)
        assert problem["code"] == "file_unreadable"
        assert "7z" in problem["detail"]


async def test_lines_of_an_archive_name_their_member(client: Client) -> None:
    files = {"a.log": FILE, "photo.png": b"\x89PNG\r\n\x1a\n", "b.log": FILE, " c\n\0": b"one\n"}
    address = await upload(client, gzip.compress(tar_of(files)), members=["*.log", "*.png"])
    page = await client.get(f"{address}?line=600&limit=2")
    assert [(each["line"], each["member"], each["member_line"]) for each in page["lines"]] == [
        (600, "a.log", 600),
        (601, "b.log", 1),
    ]
    assert [each["name"] for each in page["failed_members"]] == ["photo.png"]
    following = await client.get(f"{address}?line=600&limit=2&cursor={page['next']}")
    assert numbers(following) == [602, 603]
    other = await client.get(f"{address}?member={quote(' c' + chr(10))}")
    assert (numbers(other), other["lines"][0]["text"]) == ([1], "one")
    answer = await client.fetch(f"{address}?match=ERROR&member=b.log", headers=TEXT)
    assert answer.body.decode().splitlines() == LINES[::10]
    unknown = await client.get(f"{address}?member=c.log", 422)
    assert fields(unknown) == ["member"]
    image = await client.get(f"{address}?member=photo.png", 409)
    assert (image["code"], "PNG" in image["detail"]) == ("file_unreadable", True)
    plain = await upload(client)
    assert fields(await client.get(f"{plain}?member=a.log", 422)) == ["member"]


async def test_a_damaged_file_gives_the_lines_before_the_damage(client: Client) -> None:
    stored = gzip.compress(FILE)
    address = await upload(client, stored[: len(stored) // 2])
    page = await client.get(f"{address}?limit=1000")
    assert [each["text"] for each in page["lines"]][:100] == LINES[:100]
    assert page["next"] is None
    assert "cut short" in page["problem"]
    with pytest.raises(HTTPStreamClosedError):  # so that no client takes it for complete
        await client.fetch(address, headers=TEXT)


async def test_a_file_that_is_damaged_at_its_start_has_no_text(client: Client) -> None:
    address = await upload(client, gzip.compress(FILE)[:15])
    problem = await client.get(address, 409, headers=TEXT)
    assert problem["code"] == "file_unreadable"


async def test_reading_goes_on_after_its_process_was_killed(client: Client, app: App) -> None:
    address = await upload(client)
    first = await client.get(f"{address}?line=300&limit=1")
    os.kill(reading_process(app), signal.SIGKILL)
    assert await client.get(f"{address}?line=300&limit=1") == first


async def test_the_event_loop_answers_while_a_file_is_read(client: Client, app: App) -> None:
    address = await upload(client)
    await client.get(address)
    process = reading_process(app)
    os.kill(process, signal.SIGSTOP)
    try:
        waiting = asyncio.ensure_future(client.get(address))
        assert (await client.get("/healthz"))["status"] == "ok"
        assert not waiting.done()
    finally:
        os.kill(process, signal.SIGCONT)
    assert len((await waiting)["lines"]) == 100


async def test_too_many_waiting_requests_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await upload(client)
    monkeypatch.setattr("server.processes.line_readers.MAX_WAITING", 0)
    assert (await client.get(address, 503))["code"] == "file_unavailable"
    monkeypatch.undo()
    monkeypatch.setattr("server.processes.line_readers.MAX_TEXTS", 0)
    assert (await client.get(address, 503, headers=TEXT))["code"] == "file_unavailable"


async def test_a_client_that_goes_away_ends_its_text(client: Client, app: App) -> None:
    address = await upload(client, FILE * 600)
    host, port = client.base_url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {address} HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n".encode())
    await writer.drain()
    await _until(lambda: app.line_readers.texts.used > 0)
    writer.close()
    await _until(lambda: app.line_readers.texts.used == 0)


async def _until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)
