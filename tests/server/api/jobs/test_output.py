"""The output of jobs: over HTTP, in event streams, and with real workers."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from storage.records.output import Mark, Piece, Stream
from tests.support.api import Client
from tests.support.event_clients import Followers, event_labels, open_stream
from tests.support.programs import Service, running_service
from tests.support.stores import RAISED, RETURNED, Bench, Holder

pytestmark = pytest.mark.tornado

MAX_BYTES = 4096
JSON = {"Accept": "application/json"}
UNMARKED = dict.fromkeys(("time", "stream", "level", "logger", "fields", "traceback"))
INFO = b"2026-11-25T13:12:01.000Z INFO job: begun\n"
WARNING = b'2026-11-25T13:12:02.000Z WARNING job: no date {"row":1}\n'
MARKED = Piece(
    0,
    b"one\n" + INFO + WARNING + b"two\n",
    (
        Mark(0, Stream.STDOUT, 1000),
        Mark(4, Stream.LOG, 2000, 20, 35, 3, 5),
        Mark(4 + len(INFO), Stream.LOG, 2000, 30, 38, 3, 7, 10),
        Mark(4 + len(INFO) + len(WARNING), Stream.STDERR, 3000),
    ),
)


def printed(runner: Holder, text: bytes, position: int = 0) -> UUID:
    """Claim the due job and let it print a text; returns its id."""
    with runner.claims.transaction():
        fence = runner.claim_one()
        runner.claims.store_output(fence, [(position, text)], MAX_BYTES)
    return fence.job_id


@pytest.mark.gen_test
async def test_output_is_sent_as_text(client: Client, bench: Bench) -> None:
    bench.enqueue()
    job_id = printed(bench.runner(), "eins\nzwei €\n".encode())
    answer = await client.fetch(f"/jobs/{job_id}/logs")
    assert (answer.code, answer.body.decode()) == (200, "eins\nzwei €\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    again = {"If-None-Match": answer.headers["Etag"]}
    assert (await client.fetch(f"/jobs/{job_id}/logs", headers=again)).code == 304


@pytest.mark.gen_test
async def test_output_is_sent_as_json_if_accepted(client: Client, bench: Bench) -> None:
    bench.enqueue()
    job_id = printed(bench.runner(), b"one\n\xff")
    from_json = await client.get(f"/jobs/{job_id}/logs", headers=JSON)
    assert from_json.pop("version") > 1
    assert from_json == {
        "job_id": str(job_id),
        "attempt": 1,
        "bytes": 5,
        "pieces": [{"position": 0, "text": "one\n\N{REPLACEMENT CHARACTER}"}],
        "entries": [
            {**UNMARKED, "message": "one", "position": 0},
            {**UNMARKED, "message": "\N{REPLACEMENT CHARACTER}", "position": 4},
        ],
    }


@pytest.mark.gen_test
async def test_output_is_sent_as_json_lines_and_filtered(client: Client, bench: Bench) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    path = f"/jobs/{fence.job_id}/logs"
    runner.claims.store_output(fence, [MARKED], MAX_BYTES)
    for kind in ("application/jsonl", "application/x-ndjson"):
        answer = await client.fetch(path, headers={"Accept": kind})
        assert answer.headers["Content-Type"] == "application/jsonl; charset=utf-8"
        found = [json.loads(line) for line in answer.body.splitlines()]
        assert [entry["stream"] for entry in found] == ["stdout", "log", "log", "stderr"]
        assert found[2]["fields"] == {"row": 1}
    for query, expected in (
        ("level=warning", WARNING),
        ("level=info", INFO + WARNING),
        ("level=critical", b""),
        ("stream=stdout", b"one\n"),
        ("stream=stderr", b"two\n"),
        ("stream=log&level=error", b""),
    ):
        assert (await client.fetch(f"{path}?{query}")).body == expected
    document = await client.get(f"{path}?level=warning", headers=JSON)
    assert [entry["message"] for entry in document["entries"]] == ["no date"]
    assert len(document["pieces"]) == 1
    for query in ("level=loud", "stream=log&stream=stdout", "stream="):
        problem = await client.get(f"{path}?{query}", status=422)
        assert problem["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.gen_test
async def test_output_marks_its_gaps(client: Client, bench: Bench) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, b"start"), (5, b"\n"), (1000, b"end\n")], MAX_BYTES)
    answer = await client.fetch(f"/jobs/{fence.job_id}/logs")
    assert answer.body.decode() == "start\n\n[994 bytes are not kept]\nend\n"
    document = await client.get(f"/jobs/{fence.job_id}/logs", headers=JSON)
    assert document["pieces"] == [
        {"position": 0, "text": "start\n"},
        {"position": 1000, "text": "end\n"},
    ]


@pytest.mark.gen_test
async def test_output_is_of_the_newest_or_a_given_attempt(client: Client, bench: Bench) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    path = f"/jobs/{job_id}/logs"
    assert (await client.fetch(path)).body == b""
    await client.get(f"{path}?attempt=1", status=404)
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, b"first")], MAX_BYTES)
    runner.claims.retry(fence, RAISED, 0)
    printed(runner, b"second")
    for query, text in (("", b"second"), ("?attempt=1", b"first"), ("?attempt=2", b"second")):
        assert (await client.fetch(path + query)).body == text
    for attempt in ("0", "x", str(2**31)):
        problem = await client.get(f"{path}?attempt={attempt}", status=422)
        assert problem["errors"][0]["field"] == "attempt"
    await client.get("/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65/logs", status=404)
    await client.post(path, status=405)


@pytest.mark.gen_test
async def test_output_is_part_of_a_jobs_events(
    follow: Followers, client: Client, bench: Bench
) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    stream = await follow(client.base_url, f"/jobs/{job_id}/events")
    everything = await follow(client.base_url, "/events?last_event_id=0")
    await stream.some(1)
    printed(runner, b"one\n")
    with runner.claims.transaction():
        fence = runner.claims.held()[0].fence
        runner.claims.store_output(fence, [(4, b"two\n")], MAX_BYTES)
        runner.claims.complete(fence, "null", RETURNED)
    events = await stream.rest()
    assert event_labels(events) == ["running", "log", "log", "succeeded", "end"]
    assert [each.data["text"] for each in events if each.name == "log"] == ["one\n", "two\n"]
    assert events[1].data["entries"] == [{**UNMARKED, "message": "one", "position": 0}]
    assert events[2].data["position"] == 4
    again = await follow(client.base_url, f"/jobs/{job_id}/events", events[1].id)
    assert await again.rest() == events[2:]
    assert event_labels(await everything.some(3)) == ["queued", "running", "succeeded"]


@pytest.mark.gen_test
async def test_a_stream_that_continues_after_output_does_not_lead_back(
    follow: Followers, client: Client, bench: Bench
) -> None:
    path, runner = f"/jobs/{bench.enqueue()}/events", bench.runner()
    printed(runner, b"one\n")
    stream = await follow(client.base_url, f"{path}?last_event_id=0")
    *_, output = await stream.some(3)
    for _ in range(2):  # it connects again twice, without an event in between
        again = await follow(client.base_url, path, stream.last_id)
        await again.begun()
        assert (output.name, again.last_id) == ("log", output.id)
    with runner.claims.transaction():
        runner.claims.complete(runner.claims.held()[0].fence, "null", RETURNED)
    assert event_labels(await again.rest()) == ["succeeded", "end"]


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path, LOG_BYTES="8192") as service:
        service.worker()
        yield service


def text_of(service: Service, job_id: str, attempt: int = 1) -> str:
    """Return the stored output of an attempt."""
    status, document = service.call("GET", f"/jobs/{job_id}/logs?attempt={attempt}")
    assert status == 200, document
    return "".join(piece["text"] for piece in document["pieces"])


def test_output_survives_a_crash(service: Service) -> None:
    job_id = service.submit("talk", {"lines": 3, "then": "crash"}, max_retries=0)
    job = service.result(job_id)
    assert job["attempts"][0]["outcome"] == "crashed"
    assert text_of(service, job_id).splitlines()[:3] == ["line 0", "line 1", "line 2"]


@pytest.mark.heavy
def test_output_is_streamed_while_a_job_runs_and_survives_a_cancel(service: Service) -> None:
    job_id = service.submit("talk", {"lines": 2, "then": "sleep"})

    async def heard() -> list[str]:
        stream = await open_stream(service.base_url, f"/jobs/{job_id}/events?last_event_id=0")
        texts: list[str] = []
        while "line 1\n" not in "".join(texts):
            (event,) = await stream.some(1)
            texts += [event.data["text"]] if event.name == "log" else []
        await stream.close()
        return texts

    assert "".join(asyncio.run(heard())) == "line 0\nline 1\n"
    assert service.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
    assert text_of(service, job_id) == "line 0\nline 1\n"


@pytest.mark.heavy
def test_output_that_exceeds_the_limit_is_truncated(service: Service) -> None:
    job_id = service.submit("talk", {"lines": 200_000, "then": ""})
    assert service.result(job_id)["status"] == "succeeded"
    text = text_of(service, job_id)
    assert len(text) <= 8192
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 199998\nline 199999\n")
