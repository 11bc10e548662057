"""Problem documents: their codes, types and request ids, whoever answers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from server.http.codes import PAGE, Code
from server.http.problems import Problem, problem_of
from server.http.response import MAX_LENGTH
from storage.records.job import StoreError, StoreFull, StoreUnavailable
from storage.records.states import Status
from tests.support.api import Client, analyze_form
from tests.support.paths import ROOT
from tests.support.programs import Service, running_service
from tests.support.raw_http import JSON_HEAD, exchange
from tests.support.stores import RETURNED, Bench
from tests.support.waiting import wait_for

pytestmark = pytest.mark.sqlite

NOBODY = "01a21054-ecc3-7788-9e49-c6d97d1c0c65"
FAST: dict[str, str] = {}
SLOW = {"X-Plain": "no"}


def problem(response: HTTPResponse) -> dict[str, Any]:
    """Check the members that every problem has; return the document."""
    document: dict[str, Any] = json.loads(response.body)
    code = Code[document["code"].upper()]
    assert document["code"] == str(code)
    assert document["type"] == f"{PAGE}#{code}"
    assert document["title"] == code.title
    assert document["status"] == response.code == code.status
    assert document["request_id"] == response.headers["X-Request-Id"]
    return document


async def code_of(client: Client, method: str, path: str, **options: Any) -> str:
    """The code of the problem that answers a request."""
    response = await client.fetch(path, method=method, **options)
    return str(problem(response)["code"])


def test_codes_are_in_snake_case_and_their_texts_are_sentences() -> None:
    for code in Code:
        assert re.fullmatch("[a-z]+(_[a-z]+)*", str(code))
        assert 400 <= code.status < 600
        assert re.fullmatch(r"[A-Z][^.]*[^.]", code.title)
        for text in (code.when, code.remedy):
            assert text.endswith(".")
            assert text.count("`") % 2 == 0
    assert len({code.title for code in Code}) == len(Code)


def test_every_code_is_raised_somewhere() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "server").rglob("*.py"))
    raised = set(re.findall(r"\bCode\.([A-Z_]+)", sources))
    of_states = {f"JOB_{status.upper()}" for status in Status}
    assert {code.name for code in Code} <= raised | of_states


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreFull(), Code.DISK_FULL),
        (StoreUnavailable(), Code.STORE_UNAVAILABLE),
        (StoreError(), Code.STORE_DAMAGED),
        (ValueError(), Code.INTERNAL_ERROR),
        (Problem(Code.KEY_REUSED, "x"), Code.KEY_REUSED),
    ],
)
def test_errors_of_the_store_have_codes(error: Exception, code: Code) -> None:
    assert problem_of(error, 500).code is code


@pytest.mark.gen_test
async def test_the_states_of_a_job_have_codes(client: Client, bench: Bench) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    for method, path in (("DELETE", ""), ("POST", "/retry")):
        assert await code_of(client, method, f"/jobs/{job_id}{path}") == "job_queued"
    fence = runner.claim_one()
    for method, path in (("DELETE", ""), ("POST", "/retry")):
        assert await code_of(client, method, f"/jobs/{job_id}{path}") == "job_running"
    runner.claims.complete(fence, "1", RETURNED)
    for path, code in (("/retry", "job_succeeded"), ("/cancel", "job_ended")):
        assert await code_of(client, "POST", f"/jobs/{job_id}{path}") == code


@pytest.mark.gen_test
async def test_what_does_not_exist_has_codes(client: Client) -> None:
    assert await code_of(client, "GET", "/nothing") == "not_found"
    assert await code_of(client, "GET", f"/jobs/{NOBODY}") == "job_not_found"
    assert await code_of(client, "GET", "/jobs/1") == "job_not_found"
    assert await code_of(client, "GET", "/queues/none") == "queue_not_found"
    assert await code_of(client, "DELETE", "/queues/none") == "queue_not_found"
    assert await code_of(client, "DELETE", "/queues/default") == "queue_required"
    job_id = await client.sleep_job()
    assert await code_of(client, "GET", f"/jobs/{job_id}/logs?attempt=9") == "attempt_not_found"
    assert await code_of(client, "PATCH", "/jobs") == "method_not_allowed"


@pytest.mark.gen_test
async def test_bodies_that_cannot_be_accepted_have_codes(client: Client) -> None:
    def body(kind: str, text: bytes, **more: str) -> dict[str, Any]:
        return {"body": text, "headers": {"Content-Type": kind, **more}}

    json_kind, form_kind = "application/json", "multipart/form-data; boundary=cut"
    for options, code in [
        (body("text/plain", b"x"), "media_type_unsupported"),
        (body(json_kind, b"{}", **{"Content-Encoding": "br"}), "coding_unsupported"),
        (body(json_kind, b"{"), "malformed_json"),
        (body(json_kind, b"{}"), "invalid_request"),
        (body(form_kind, b"--cut\r\n"), "malformed_form"),
        (body(json_kind, b"{}", **{"Idempotency-Key": ""}), "malformed_request"),
    ]:
        assert await code_of(client, "POST", "/jobs", **options) == code


@pytest.mark.gen_test
async def test_a_key_that_is_used_again_has_a_code(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "one"}
    for seconds, status in ((1, 202), (2, 422)):
        body = json.dumps({"type": "sleep", "payload": {"seconds": seconds}})
        response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
        assert response.code == status
    assert problem(response)["code"] == "key_reused"


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["fast", "slow"])
async def test_a_request_keeps_the_id_that_its_client_chose(client: Client, path: str) -> None:
    more = FAST if path == "fast" else SLOW
    chosen = "Root=1-67891233-abcdef012345678912345678"
    for job in (await client.sleep_job(), NOBODY):
        response = await client.fetch(f"/jobs/{job}", headers={"X-Request-ID": chosen, **more})
        assert response.headers["X-Request-Id"] == chosen
    assert problem(response)["request_id"] == chosen


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["fast", "slow"])
@pytest.mark.parametrize(
    "chosen", ["", "a b", 'a"b', "a" * (MAX_LENGTH + 1), "a,b", "\u00e9", "%0a"]
)
async def test_an_id_that_is_not_valid_is_replaced(client: Client, path: str, chosen: str) -> None:
    headers = {"X-Request-ID": chosen, **(FAST if path == "fast" else SLOW)}
    given = [(await client.fetch(f"/jobs/{NOBODY}", headers=headers)) for _ in range(2)]
    ids = [problem(response)["request_id"] for response in given]
    assert re.fullmatch("[0-9a-f]{16} [0-9a-f]{16}", " ".join(ids))
    assert len(set(ids)) == 2


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/jobs", "/", "/healthz", "/ui", "/nothing", "/metrics"])
async def test_every_response_has_an_id(client: Client, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        response = await client.fetch(path, method=method)
        assert re.fullmatch("[0-9a-f]{16}", response.headers["X-Request-Id"])


@pytest.mark.gen_test
async def test_the_type_of_a_problem_leads_to_its_section(client: Client) -> None:
    document = problem(await client.fetch("/nothing"))
    path, _, anchor = document["type"].partition("#")
    page = await client.fetch(path)
    assert (page.code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = page.body.decode()
    assert f'<section id="{anchor}"' in text
    assert set(re.findall('<section id="(.*?)"', text)) == {str(code) for code in Code}
    assert "<script" not in text
    assert "`" not in text


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"server.start.http_server.SLOW_SECONDS": "1", "LOG_LEVEL": "DEBUG"}
    with running_service("", tmp_path_factory.mktemp("ids"), **settings) as service:
        yield service


def logged(service: Service, request_id: str) -> list[dict[str, Any]]:
    """The lines of the log with this id."""
    return [line for line in service.listener.lines() if line.get("request_id") == request_id]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"garbage\r\n\r\n", "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 17_000 + b"\r\n\r\n", "head_too_large"),
        (b"GET / HTTP/1.1\r\n", "too_slow"),
        (JSON_HEAD + b"X-Request-ID: mine\r\nContent-Length: 9\r\n\r\n{", "too_slow"),
        (JSON_HEAD + b"X-Request-ID: ours\r\nTransfer-Encoding: chunked\r\n\r\nx", "too_slow"),
        (b"GET /jobs/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "job_not_found"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ""),
        (f"GET /jobs/{NOBODY} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(), None),
    ],
)
def test_the_id_of_every_request_is_in_the_log(service: Service, data: bytes, code: str) -> None:
    status, headers, document = exchange(service, data)
    request_id = headers["x-request-id"]
    (line,) = wait_for(lambda: logged(service, request_id))
    assert line["status"] == status
    if b"X-Request-ID" in data:
        assert request_id in ("mine", "ours")
    if code:
        assert (document["code"], document["request_id"]) == (code, request_id)


@pytest.mark.gen_test
async def test_a_form_that_is_refused_has_an_id(client: Client) -> None:
    refused = await client.post_form([("type", None, b"nap"), *analyze_form()[1:]], status=422)
    assert refused["request_id"]
