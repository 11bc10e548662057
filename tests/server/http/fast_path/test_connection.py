"""Connections that the fast path and Tornado serve in turn, with requests split in any way."""

import asyncio
import json
import random
import socket
from collections.abc import Callable
from typing import Any

import pytest

from server.handlers.application import ListenerApplication
from server.start.http_server import HttpServer
from tests.server.http.fast_path.test_responders import JSON, PLAIN, SLEEP, connect, head
from tests.support.api import Client
from tests.support.stores import RETURNED, Bench
from tests.support.waiting import until

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]
SUBMISSION = head("POST", "/jobs", JSON) + SLEEP
LIST = head("GET", "/jobs?limit=5", PLAIN)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that Tornado reads."""
    paths, start = [], ListenerApplication.start_request

    def start_request(application: Any, server: object, connection: Any) -> Any:
        request = start(application, server, connection)
        received = request.headers_received

        def headers_received(line: Any, headers: Any) -> Any:
            paths.append(line.path)
            return received(line, headers)

        monkeypatch.setattr(request, "headers_received", headers_received)
        return request

    monkeypatch.setattr(ListenerApplication, "start_request", start_request)
    return paths


async def read_response(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of the next response."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines[1:-1])
    body = await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split()[1]), headers, json.loads(body)


def get_request(job_id: str, query: str = "", **headers: str) -> bytes:
    return head("GET", f"/jobs/{job_id}{query}", {**PLAIN, **headers})


async def test_simple_requests_do_not_reach_tornado(client: Client, seen: list[str]) -> None:
    reader, writer = await connect(client)
    for _ in range(3):
        writer.write(SUBMISSION)
        status, _, accepted = await read_response(reader)
        assert status == 202
        writer.write(get_request(accepted["job_id"]))
        assert (await read_response(reader))[2]["status"] == "queued"
    assert seen == []
    writer.close()


async def test_other_requests_reach_tornado_and_the_connection_stays_open(
    client: Client, seen: list[str]
) -> None:
    reader, writer = await connect(client)
    for request, status in [(LIST, 200), (SUBMISSION, 202), (LIST, 200), (SUBMISSION, 202)]:
        writer.write(request)
        assert (await read_response(reader))[0] == status
    assert seen == ["/jobs?limit=5"] * 2
    writer.close()


async def test_a_body_may_come_after_its_head(
    client: Client, only: Callable[[], Any], seen: list[str]
) -> None:
    reader, writer = await connect(client)
    writer.write(SUBMISSION[: -len(SLEEP)])
    await until(lambda: bool(only()._received))
    writer.write(SLEEP)
    assert (await read_response(reader))[0] == 202
    assert seen == []
    writer.close()


async def test_tornado_waits_for_a_body_that_is_late(client: Client, seen: list[str]) -> None:
    reader, writer = await connect(client)
    writer.write(SUBMISSION[:-10])
    await until(lambda: seen == ["/jobs"])
    writer.write(SUBMISSION[-10:] + SUBMISSION)
    assert [(await read_response(reader))[0] for _ in range(2)] == [202, 202]
    writer.close()


async def test_half_a_submission_creates_no_job(
    client: Client, only: Callable[[], Any], http_server: HttpServer
) -> None:
    _, writer = await connect(client)
    writer.write(SUBMISSION[:-1])
    await until(lambda: bool(only()._received))
    writer.close()
    await until(lambda: not http_server.acceptor._open)
    assert (await client.get("/jobs"))["items"] == []


async def test_responses_do_not_depend_on_how_requests_are_split(client: Client) -> None:
    job_id, chance = await client.sleep_job(), random.Random(1)
    requests = [
        SUBMISSION,
        LIST,
        get_request(job_id),
        get_request("x"),
        SUBMISSION.replace(b"/jobs", b"/"),
    ]
    for _ in range(30):
        asked = chance.choices(requests, k=6)
        text = b"".join(asked)
        cuts = sorted(chance.sample(range(1, len(text)), 5))
        reader, writer = await connect(client)
        for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            writer.write(text[begin:end])
            await writer.drain()
            await asyncio.sleep(
                chance.choice([0, 0, 0.001])
            )  # so that pieces are read separately or together
        expected = [dict(zip(requests, (202, 200, 200, 404, 405), strict=True))[a] for a in asked]
        assert [(await read_response(reader))[0] for _ in asked] == expected
        writer.close()


async def test_a_request_sent_before_the_response_is_answered_after_it(
    client: Client, only: Callable[[], Any], seen: list[str]
) -> None:
    job_id = await client.sleep_job()
    reader, writer = await connect(client)
    writer.write(get_request(job_id, "?wait=60"))
    await until(lambda: only()._handling is not None)
    writer.write(SUBMISSION)
    connection = only()
    await until(
        lambda: connection._state == connection.io_loop.ERROR
    )  # the connection no longer wakes the loop
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    assert (await read_response(reader))[2]["status"] == "canceled"
    assert (await read_response(reader))[0] == 202
    assert seen == [f"/jobs/{job_id}/cancel"]
    writer.close()


async def test_connection_close_is_honored_after_the_response(client: Client) -> None:
    reader, writer = await connect(client)
    writer.write(get_request(await client.sleep_job(), Connection="close"))
    status, headers, _ = await read_response(reader)
    assert (status, headers["connection"]) == (200, "close")
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("closes", [False, True])
async def test_a_long_response_reaches_a_client_that_reads_it_late(
    client: Client, bench: Bench, only: Callable[[], Any], closes: bool
) -> None:
    job_id, runner, size = await client.sleep_job(), bench.runner(), 8 << 20
    runner.claims.complete(runner.claim_one(), json.dumps("x" * size), RETURNED)
    theirs = socket.create_connection(("127.0.0.1", int(client.base_url.rpartition(":")[2])))
    asked = {"Connection": "close"} if closes else {}
    theirs.sendall(get_request(job_id, **asked))
    await until(lambda: bool(only() and only().writing()))
    reader, writer = await asyncio.open_connection(sock=theirs, limit=1 << 20)
    assert (await read_response(reader))[2]["result"] == "x" * size
    writer.write(SUBMISSION)
    if closes:
        assert await reader.read() == b""
    else:
        assert (await read_response(reader))[0] == 202
    writer.close()


@pytest.fixture
def only(http_server: HttpServer, client: Client) -> Callable[[], Any]:
    """Returns the only open connection, or None."""
    return lambda: next(iter(http_server.acceptor._open), None)
