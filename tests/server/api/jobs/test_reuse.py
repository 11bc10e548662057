"""`reuse: true`: the result of an earlier job is the answer to an equal question."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Client, fields, form, read
from tests.support.stores import RAISED, RETURNED, Bench, upload_files

pytestmark = pytest.mark.gen_test
LOG = b"ERROR\nWARN\n"
QUESTION = {"patterns": ["ERROR"], "reuse": True}


async def analyze(
    client: Client,
    content: bytes = LOG,
    options: Mapping[str, str] = MappingProxyType({}),
    **payload: Any,
) -> tuple[int, Any]:
    """Submit an analysis; return the status and the document of the response."""
    texts = {"type": "analyze", "payload": json.dumps({**QUESTION, **payload}), **options}
    parts = [(name, None, text.encode()) for name, text in texts.items()]
    body, content_type = form([*parts, ("filename", f"{uuid4()}.log", content)])
    headers = {"Content-Type": content_type}
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    return response.code, read(response, response.code)


def end(bench: Bench, *, succeeds: bool = True) -> None:
    """Let the only queued job end."""
    runner = bench.runner()
    bench.clock.now *= 2
    with runner.claims.transaction():
        fence = runner.claim_one()
    with runner.claims.transaction():
        if succeeds:
            runner.claims.complete(fence, json.dumps({"counts": {"ERROR": 1}}), RETURNED)
        else:
            runner.claims.fail(fence, RAISED)


async def first(client: Client, bench: Bench, **payload: Any) -> str:
    """The id of an analysis that has succeeded."""
    status, document = await analyze(client, **payload)
    assert status == 202
    end(bench)
    return str(document["job_id"])


def files(bench: Bench) -> list[Path]:
    folder = bench.store.settings.data_dir / "uploads"
    return upload_files(folder)


async def test_an_equal_question_about_equal_bytes_gets_the_stored_result(
    client: Client, bench: Bench
) -> None:
    job_id = await first(client, bench)
    status, document = await analyze(client)
    assert status == 200
    assert document["reused_from"] == document["job_id"] == job_id
    assert document["result"] == {"counts": {"ERROR": 1}}
    assert len((await client.get("/jobs"))["items"]) == 1
    assert len(files(bench)) == 1
    assert "reused_from" not in await client.get(f"/jobs/{job_id}")


async def test_the_first_job_need_not_have_allowed_it_and_may_be_written_differently(
    client: Client, bench: Bench
) -> None:
    plain = {"reuse": False, "patterns": [{"pattern": "ERROR"}], "samples": 0}
    job_id = await first(client, bench, **plain)
    assert (await analyze(client))[1]["reused_from"] == job_id


@pytest.mark.heavy
@pytest.mark.parametrize(
    "changes",
    [
        {"content": LOG + b"more"},
        {"patterns": ["WARN"]},
        {"patterns": ["ERROR", "WARN"]},
        {"samples": 1},
        {"encoding": "latin-1"},
        {"records": "multi_line"},
        {"records": {"start": "ERROR"}},
        {"reuse": False},
        {"options": {"callback_url": "http://hooks.example.org/"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_every_other_submission_is_a_new_job(
    client: Client, bench: Bench, app: Any, changes: dict[str, Any]
) -> None:
    app.checks._settings = (["hooks.example.org"], None)
    await first(client, bench)
    status, document = await analyze(client, **changes)
    assert (status, document["status"]) == (202, "queued")


async def test_only_a_success_is_an_answer(client: Client, bench: Bench) -> None:
    _, queued = await analyze(client, options={"max_retries": "0"})
    assert (await analyze(client))[0] == 202
    assert (await client.post(f"/jobs/{queued['job_id']}/cancel", status=200))["status"]
    end(bench, succeeds=False)
    status, document = await analyze(client)
    assert (status, document["status"]) == (202, "queued")


async def test_the_file_of_an_earlier_job_is_an_equal_file(client: Client, bench: Bench) -> None:
    job_id = await first(client, bench)
    payload = {**QUESTION, "source": {"job_id": job_id}}
    document = await client.post("/jobs", {"type": "analyze", "payload": payload}, 200)
    assert document["reused_from"] == job_id
    unknown = {**QUESTION, "source": {"job_id": str(uuid4())}}
    problem = await client.post("/jobs", {"type": "analyze", "payload": unknown}, 422)
    assert fields(problem) == ["payload.source.job_id"]


async def test_the_newest_of_several_equal_jobs_is_the_answer(client: Client, bench: Bench) -> None:
    await first(client, bench)
    newer = await first(client, bench, reuse=False)
    assert (await analyze(client))[1]["reused_from"] == newer


async def test_the_query_of_an_analysis_can_allow_it(client: Client, bench: Bench) -> None:
    job_id = await first(client, bench)
    options = {"method": "POST", "body": LOG, "headers": {"Accept": "application/json"}}
    response = await client.fetch("/analyze?p=ERROR&reuse&wait=5", **options)
    assert read(response, 200)["reused_from"] == job_id


async def test_a_repeated_key_stands_for_its_own_job(client: Client, bench: Bench) -> None:
    """A response was lost: the job has ended when the submission is repeated."""
    payload = json.dumps(QUESTION).encode()
    parts = [("type", None, b"analyze"), ("payload", None, payload), ("filename", "a.log", LOG)]
    body, content_type = form(parts)
    headers = {"Content-Type": content_type, "Idempotency-Key": "once"}
    options = {"method": "POST", "body": body, "headers": headers}
    accepted = read(await client.fetch("/jobs", **options), 202)
    end(bench)
    response = await client.fetch("/jobs?wait=5", **options)
    repeated = read(response, 200)
    assert response.headers["Idempotency-Replayed"] == "true"
    assert repeated["job_id"] == accepted["job_id"]
    assert "reused_from" not in repeated
