"""`/analyze` over real sockets: the body is a file, and the query says what to count."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.jobs.validation.analysis_query import AnalysisQuery
from server.start.app import App
from storage.files.folder import FolderUploads
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.filters import Filters
from storage.records.job import Job
from tests.support.api import FILE, Client, fields, open_app, read
from tests.support.stores import RAISED, RETURNED, Bench, upload_files
from tests.support.waiting import until

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]
JSON = {"Accept": "application/json"}
PATTERNS = "p=ERROR&p=WARN"
RESULT = {
    "counts": {"ERROR": 2, "WARN": 1},
    "matching_lines": {"ERROR": 2, "WARN": 1},
    "first_line": {"ERROR": 1, "WARN": 2},
    "last_line": {"ERROR": 2, "WARN": 2},
    "lines": 2,
    "bytes": len(FILE),
    "file": {"seconds": 0.002},
    "warnings": [],
}
MAX_FILE = 300_000


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    with open_app(bench, io_loop, max_upload_bytes=MAX_FILE) as application:
        yield application


async def send(
    client: Client, path: str, body: bytes | None = FILE, **options: Any
) -> HTTPResponse:
    return await client.fetch(path, **{"method": "POST", "body": body, **options})


def jobs(bench: Bench) -> list[Job]:
    return bench.jobs.list(Filters(), 9).jobs


def files(bench: Bench) -> list[Path]:
    """All files in the uploads folder, complete or not."""
    folder = bench.store.settings.data_dir / "uploads"
    return upload_files(folder)


async def ended(
    bench: Bench, sent: Any, result: Any = None, error: AttemptOutcome = RETURNED
) -> HTTPResponse:
    """Run the job of a request that waits, and return the response."""
    response: asyncio.Future[HTTPResponse] = asyncio.ensure_future(sent)
    await until(lambda: bool(jobs(bench)))
    runner = bench.runner()
    bench.clock.now *= 2
    with runner.claims.transaction():
        fence = runner.claim_one()
    with runner.claims.transaction():
        if error is RETURNED:
            runner.claims.complete(fence, json.dumps(result), RETURNED)
        else:
            runner.claims.fail(fence, error)
    return await response


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_the_body_is_the_file_and_the_query_is_the_payload(
    client: Client, bench: Bench, method: str
) -> None:
    response = await send(client, f"/analyze?{PATTERNS}&wait=0", method=method, headers=JSON)
    accepted = read(response, 202)
    assert response.headers["Location"] == f"/jobs/{accepted['job_id']}"
    job = await client.get(f"/jobs/{accepted['job_id']}")
    assert (job["type"], job["payload"]) == ("analyze", {"patterns": ["ERROR", "WARN"]})
    assert (job["upload"]["name"], job["upload"]["size"]) == ("unnamed", len(FILE))
    (path,) = files(bench)
    assert path.read_bytes() == FILE


@pytest.mark.heavy
async def test_all_options_are_parameters(client: Client) -> None:
    query = (
        "p=a&e=b%2B&i&w=1&samples=3&histogram=hour&lines=true&encoding=utf-16&name=x.log&wait=0"
        "&from=-1h&until=2026-11-25T13:00:00Z&context=2"
        "&max_retries=0&max_losses=2&timeout=1.5&priority=-3&delay=60&queue=default"
    )
    accepted = read(await send(client, f"/analyze?{query}", headers=JSON), 202)
    job = await client.get(f"/jobs/{accepted['job_id']}")
    flags = {"ignore_case": True, "word": True}
    assert job["payload"] == {
        "patterns": [{"pattern": "a", **flags}, {"pattern": "b+", "regex": True, **flags}],
        "samples": 3,
        "histogram": "hour",
        "lines": True,
        "encoding": "utf-16",
        "from": "-1h",
        "until": "2026-11-25T13:00:00Z",
        "context": 2,
    }
    names = ("max_retries", "max_losses", "timeout", "priority", "queue")
    assert [job[name] for name in names] == [0, 2, 1.5, -3, "default"]
    assert job["upload"]["name"] == "x.log"


async def test_options_that_are_lists_or_objects_are_parameters(client: Client) -> None:
    earlier = [await send(client, "/analyze?p=a&wait=0", headers=JSON) for _ in range(3)]
    ids = [read(each, 202)["job_id"] for each in earlier]
    query = (
        f"p=a&wait=0&tag=nightly&tag=a,b&after={ids[0]}&after={ids[1]},{ids[2]}&on_failure=run"
        "&metadata=%7B%22customer%22:42%7D&backoff=[1,10]"
    )
    accepted = read(await send(client, f"/analyze?{query}", headers=JSON), 202)
    job = await client.get(f"/jobs/{accepted['job_id']}")
    assert (job["tags"], job["after"], job["on_failure"]) == (["nightly", "a,b"], ids, "run")
    assert (job["metadata"], job["backoff"]) == ({"customer": 42}, [1, 10])


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("tag=x&tag=", "tag[1]", "at least 1 character"),
        ("tag=+", "tag", "printable"),
        ("after=7", "after", "the id of a job"),
        ("on_failure=run", "on_failure", "it needs jobs"),
        ("metadata=5", "metadata", "an object"),
        ("metadata=%7B%22a%22:1,%22a%22:1%7D", "metadata", "an object"),
        ("backoff=[1", "backoff", "[1, 10, 60]"),
        ("tags=x", "tags", "did you mean tag?"),
        ("input=x", "input", "unknown query parameter"),
    ],
)
async def test_wrong_lists_and_objects_are_refused(
    client: Client, query: str, field: str, detail: str
) -> None:
    (error,) = read(await send(client, f"/analyze?p=a&{query}", headers=JSON), 422)["errors"]
    assert error["field"] == field
    assert detail in error["detail"]


async def test_fields_are_names_or_names_with_a_regex(client: Client) -> None:
    query = "p=a&field=client&field=ms%3Dtook+(%5Cd%2B)&field=%3D(?P<x>y)&top=3&wait=0"
    accepted = read(await send(client, f"/analyze?{query}", headers=JSON), 202)
    payload = (await client.get(f"/jobs/{accepted['job_id']}"))["payload"]
    assert payload["top"] == 3
    assert payload["fields"] == [
        "client",
        {"name": "ms", "regex": r"took (\d+)"},
        {"name": "", "regex": "(?P<x>y)"},
    ]


async def test_fields_alone_need_no_patterns_and_no_overview(client: Client) -> None:
    response = await send(client, "/analyze?field=client&overview=false&wait=0", headers=JSON)
    accepted = read(response, 202)
    payload = (await client.get(f"/jobs/{accepted['job_id']}"))["payload"]
    assert payload == {"fields": ["client"], "overview": False}


async def test_conditions_are_one_pattern(client: Client) -> None:
    query = "all=ERROR&all=db&none=retry&i&p=a&wait=0"
    accepted = read(await send(client, f"/analyze?{query}", headers=JSON), 202)
    job = await client.get(f"/jobs/{accepted['job_id']}")
    ignoring = [{"pattern": text, "ignore_case": True} for text in ("a", "ERROR", "db", "retry")]
    combined = {"all": ignoring[1:3], "none": ignoring[3:]}
    assert job["payload"]["patterns"] == [ignoring[0], combined]


async def test_the_path_can_name_the_file(client: Client) -> None:
    name = quote("Grüße/../app.log", safe="")
    response = await send(client, f"/analyze/{name}?p=a&wait=0", method="PUT", headers=JSON)
    job = await client.get(f"/jobs/{read(response, 202)['job_id']}")
    assert job["upload"]["name"] == "app.log"
    again = await send(client, "/analyze/a?p=a&name=b", method="PUT")
    assert fields(read(again, 422)) == ["name"]
    assert read(await send(client, "/analyze/a?p=a"), 405)["code"] == "method_not_allowed"


async def test_the_result_is_a_table_for_curl(client: Client, bench: Bench) -> None:
    response = await ended(bench, send(client, f"/analyze?{PATTERNS}"), RESULT)
    assert response.code == 200
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Accept" in response.headers["Vary"]
    (job,) = jobs(bench)
    assert response.headers["Location"] == f"/jobs/{job.id}"
    assert response.body.decode().splitlines() == [
        "pattern  count  lines  first  last",
        "ERROR        2      2      1     2  ████████████████████",
        "WARN         1      1      2     2  ██████████",
        "",
        f"2 lines, {len(FILE)} bytes, 0.002 seconds",
        "",
        f"{client.base_url}/jobs/{job.id}",
    ]


async def test_fields_are_tables_for_curl(client: Client, bench: Bench) -> None:
    number = {"count": 3, "min": 1.0, "mean": 2.5, "max": 4.0, "p50": 2.0, "p95": 4.0, "p99": 4.0}
    top = [{"value": "a\x1b", "count": 3, "error": 1}, {"value": "b", "count": 2, "error": 1}]
    found = {"count": 4, "distinct": 9000, "distinct_error": 0.03, "top": top, "number": number}
    result = {**RESULT, "fields": {"ms": found}}
    response = await ended(bench, send(client, f"/analyze?{PATTERNS}&field=ms"), result)
    assert response.body.decode().splitlines()[4:8] == [
        "ms: about 9,000 values in 4 lines",
        "  min 1, mean 2.5, p50 2, p95 4, p99 4, max 4",
        "value  count",
        "a\N{REPLACEMENT CHARACTER}         3  ████████████████████",
    ]


async def test_fields_over_time_are_curves_for_curl(client: Client, bench: Bench) -> None:
    number = {"count": 3, "min": 1.0, "mean": 2.5, "max": 4.0, "p50": 2.0, "p95": 4.0, "p99": 4.0}
    figures = {"distinct": [1, 0, 1], "top": [{"value": "4", "counts": [0, 0, 2]}]}
    lists = {"p50": [1.0, None, 4.0], "p95": [2.0, None, 4.0], "p99": [2.0, None, 4.0]}
    field = {"count": 3, "distinct": 2, "distinct_error": 0.0, "top": []}
    timeline = {"start": "2030-01-31T00:00:00Z", "bin_seconds": 60, "bins": 3, "total": [1, 0, 2]}
    over_time = {"count": [1, 0, 2], **figures, **lists}
    texts = {**over_time, **dict.fromkeys(lists)}
    fields = {
        "ms": {**field, "number": number, "over_time": over_time},
        "text": {**field, "number": None, "over_time": texts},
    }
    result = {**RESULT, "timeline": {**timeline, "patterns": {}, "undated": 0}, "fields": fields}
    response = await ended(bench, send(client, f"/analyze?{PATTERNS}&field=ms"), result)
    lines = response.body.decode().splitlines()
    assert lines[6:9] == ["p50  ▂ █  at most 4", "p95  ▄ █  at most 4", "p99  ▄ █  at most 4"]
    assert lines[11:13] == ["all lines  ▄ █  at most 2", "4            █  at most 2"]


async def test_fields_over_time_need_lines(client: Client) -> None:
    path = "/analyze?field=a&fields_over_time&lines=no&wait=0"
    for asked, text in ((path, "explain and fiel"), (f"{path}&samples=1", "samples, histogram")):
        (error,) = read(await send(client, asked, headers=JSON), 422)["errors"]
        assert (error["field"], error["detail"][: len(text)]) == ("lines", text)
    accepted = read(await send(client, path.replace("no", "yes"), headers=JSON), 202)
    payload = (await client.get(f"/jobs/{accepted['job_id']}"))["payload"]
    assert payload == {"fields": ["a"], "fields_over_time": True, "lines": True}


async def test_the_result_is_json_if_that_is_preferred(client: Client, bench: Bench) -> None:
    response = await ended(bench, send(client, f"/analyze?{PATTERNS}", headers=JSON), RESULT)
    document = read(response, 200)
    assert (document["status"], document["result"]) == ("succeeded", RESULT)
    assert document == await client.get(f"/jobs/{document['job_id']}")


async def test_a_failed_job_is_an_error_as_text_only(client: Client, bench: Bench) -> None:
    sent = send(client, "/analyze?p=a&max_retries=0")
    response = await ended(bench, sent, error=RAISED)
    (job,) = jobs(bench)
    assert job.error
    lines = [
        f"failed: {job.error['message']} ({job.error['type']})",
        f"{client.base_url}/jobs/{job.id}",
    ]
    assert (response.code, response.body.decode().splitlines()) == (424, lines)
    await client.fetch(f"/jobs/{job.id}", method="DELETE")
    sent = send(client, "/analyze?p=a&max_retries=0", headers=JSON)
    document = read(await ended(bench, sent, error=RAISED), 200)
    assert (document["status"], document["error"]) == ("failed", job.error)


async def test_a_canceled_job_is_an_error_as_text(client: Client, bench: Bench) -> None:
    sent = asyncio.ensure_future(send(client, "/analyze?p=a"))
    await until(lambda: bool(jobs(bench)))
    (job,) = jobs(bench)
    await client.post(f"/jobs/{job.id}/cancel", status=200)
    response = await sent
    lines = ["canceled", f"{client.base_url}/jobs/{job.id}"]
    assert (response.code, response.body.decode().splitlines()) == (424, lines)


async def test_a_job_that_is_not_final_says_how_to_go_on(client: Client, bench: Bench) -> None:
    response = await send(client, "/analyze?p=a&wait=0.01")
    (job,) = jobs(bench)
    assert (response.code, response.headers["Location"]) == (202, f"/jobs/{job.id}")
    assert response.headers["Retry-After"] == "1"
    text = response.body.decode()
    assert text.startswith("The job is queued.")
    assert f"curl '{client.base_url}/jobs/{job.id}?wait=60'" in text


ANY_TEXT = {"p", "e", "all", "any", "none", "member", "field", "name", "tag", "metadata"}
ANY_TEXT |= {"unique_key", "concurrency_key"}
"""Parameters that "maybe" is right for."""


@pytest.mark.heavy
@pytest.mark.parametrize("others", ["", "&p=a&field=a&member=m&tag=t"])
async def test_a_wrong_value_of_any_parameter_is_an_error_of_that_parameter(
    client: Client, others: str
) -> None:
    names = {field.alias or name for name, field in AnalysisQuery.model_fields.items()}
    for name in names - ANY_TEXT:
        response = await send(client, f"/analyze?{name}=maybe{others}", headers=JSON)
        assert set(fields(read(response, 422))) == {name}


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("overview=no&wait=0", ["overview"]),
        ("p=", ["p"]),
        ("p=a&p=", ["p[1]"]),
        ("p=a&p=b&p=a", ["p[2]"]),
        ("p=a&e=(", ["e"]),
        ("e=a&e=(", ["e[1]"]),
        ("p=%FF", ["p"]),
        ("p=%00", ["p"]),
        ("p=a&samples=x", ["samples"]),
        ("p=a&samples=1_0", ["samples"]),
        ("p=a&member=", ["member"]),
        ("p=a&field=", ["field"]),
        ("p=a&field=a&field=b=(", ["field[1]"]),
        ("p=a&field=a&field=a", ["field"]),
        ("p=a&field=a=a*", ["field"]),
        ("p=a&field=a=(b)(c)", ["field"]),
        ("p=a&field==b", ["field"]),
        ("p=a" + "".join(f"&field=f{number}" for number in range(17)), ["field"]),
        ("p=a&field==" + "".join(f"(?P<a{number}>x)" for number in range(17)), ["field"]),
        ("overview=false", ["overview"]),
        ("p=a&top=1001", ["top"]),
        ("p=a&top=x", ["top"]),
        ("p=a&member=b&member=" + "c" * 1001, ["member[1]"]),
        ("p=a" + "&member=b" * 101, ["member"]),
        ("p=a&samples=21&priority=1e1", ["priority", "samples"]),
        ("p=a&lines=false&samples=1", ["lines"]),
        ("p=a&lines=maybe", ["lines"]),
        ("p=a&i=maybe", ["i"]),
        ("p=a&histogram=week", ["histogram"]),
        ("p=a&encoding=klingon", ["encoding"]),
        ("p=a&none=b", ["none"]),
        ("p=a&all=&none=c", ["all"]),
        ("p=a&from=noon", ["from"]),
        ("p=a&until=2026-11-25T13:00:00", ["until"]),
        ("p=a&from=-1h&until=-2h", ["until"]),
        ("p=a&from=-1h&lines=no", ["lines"]),
        ("p=a&context=6", ["context"]),
        ("p=a&queue=unknown", ["queue"]),
        ("p=a&run_at=noon", ["run_at"]),
        ("p=a&delay=1&run_at=2030-01-01", ["delay"]),
        ("p=a&timeout=0", ["timeout"]),
        ("p=a&wait=61", ["wait"]),
        ("p=a&name=a&name=b", ["name"]),
        ("p=a&patern=b", ["patern"]),
        ("p=a&source=x", ["source"]),
        ("p=a&type=sleep", ["type"]),
    ],
)
async def test_an_error_names_its_parameter(
    client: Client, bench: Bench, query: str, names: list[str]
) -> None:
    problem = read(await send(client, f"/analyze?{query}"), 422)
    assert sorted(fields(problem)) == names
    assert (jobs(bench), files(bench)) == ([], [])


async def test_a_typing_error_gets_a_suggestion(client: Client) -> None:
    problem = read(await send(client, "/analyze?p=a&sample=2"), 422)
    assert problem["errors"][0]["detail"].startswith(
        "unknown query parameter; did you mean samples?"
    )


async def test_without_patterns_there_is_nothing_to_report_but_an_overview(client: Client) -> None:
    problem = read(await send(client, "/analyze?overview=no"), 422)
    (error,) = problem["errors"]
    assert error["field"] == "overview"
    assert "it must be true, or name patterns" in error["detail"]


@pytest.mark.parametrize("query", ["p=a&samples=x", "e=(", "p=a&queue=unknown", "overview=x"])
async def test_a_bad_query_is_refused_before_the_file_is_sent(client: Client, query: str) -> None:
    sent = False

    async def produce(write: Any) -> None:
        nonlocal sent
        sent = True
        await write(FILE)

    with patch.object(FolderUploads, "writer", side_effect=AssertionError):
        options: dict[str, Any] = {"body_producer": produce, "expect_100_continue": True}
        options["body"] = None
        read(await send(client, f"/analyze?{query}", **options), 422)
    assert not sent


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", "application/json", "application/gzip"],
)
async def test_a_file_of_any_type_is_taken_as_it_is(
    client: Client, bench: Bench, kind: str
) -> None:
    content = b"a=b&c\0\r\n" + bytes(range(256)) * 900
    response = await send(client, "/analyze?p=a&wait=0", content, headers={"Content-Type": kind})
    assert response.code == 202
    (path,) = files(bench)
    assert path.read_bytes() == content


async def test_a_form_is_refused(client: Client, bench: Bench) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    problem = read(await send(client, "/analyze?p=a", headers=headers), 415)
    assert "--data-binary" in problem["detail"]
    assert files(bench) == []


async def test_a_compressed_body_is_stored_as_it_comes(client: Client, bench: Bench) -> None:
    content = gzip.compress(FILE)
    headers = {"Content-Encoding": "gzip"}
    assert (await send(client, "/analyze?p=a&wait=0", content, headers=headers)).code == 202
    (path,) = files(bench)
    assert path.read_bytes() == content
    problem = read(await send(client, "/analyze?p=a", headers={"Content-Encoding": "br"}), 415)
    assert problem["code"] == "coding_unsupported"


async def test_an_empty_file_is_accepted(client: Client, bench: Bench) -> None:
    assert (await send(client, "/analyze?p=a&wait=0", b"")).code == 202
    (job,) = jobs(bench)
    assert job.upload
    assert job.upload.size == 0


async def test_a_chunked_body_is_stored_and_limited(client: Client, bench: Bench) -> None:
    async def produce(write: Any) -> None:
        for _ in range(pieces):
            await write(b"ERROR\n" * 10_000)

    for pieces, status in ((4, 202), (6, 413)):
        response = await send(client, "/analyze?p=a&wait=0", body_producer=produce, body=None)
        assert response.code == status, pieces
    (path,) = files(bench)
    assert path.read_bytes() == b"ERROR\n" * 40_000


async def test_a_file_that_is_too_large_is_refused_by_its_head(
    client: Client, bench: Bench
) -> None:
    with patch.object(FolderUploads, "writer", side_effect=AssertionError):
        problem = read(await send(client, "/analyze?p=a", b"x" * (MAX_FILE + 1)), 413)
    assert problem["code"] == "file_too_large"


async def test_an_idempotency_key_stands_for_query_and_file(client: Client, bench: Bench) -> None:
    headers = {**JSON, "Idempotency-Key": "k"}
    first = await send(client, "/analyze?p=a&wait=0", headers=headers)
    again = await send(client, "/analyze?wait=0&p=a", headers=headers)
    assert read(again, 202) == read(first, 202)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (len(jobs(bench)), len(files(bench))) == (1, 1)
    for path, body in (("/analyze?p=b", FILE), ("/analyze?p=a", b"other")):
        problem = read(await send(client, path, body, headers=headers), 422)
        assert problem["code"] == "key_reused"
    assert len(files(bench)) == 1


async def test_the_file_of_a_client_that_disconnects_is_removed(
    client: Client, bench: Bench
) -> None:
    host, _, port = client.base_url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"PUT /analyze?p=a HTTP/1.1\r\nHost: {host}\r\nContent-Length: 200000\r\n\r\n"
    writer.write(head.encode() + b"x" * 100_000)
    await until(lambda: bool(files(bench)))
    writer.close()
    await until(lambda: not files(bench))
    assert jobs(bench) == []
