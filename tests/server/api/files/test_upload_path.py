"""`POST /jobs/upload` takes what `POST /jobs` takes as a form, and nothing else."""

import json
from typing import Any

import pytest

from tests.support.api import FILE, Client, analyze_form, fields, form, read

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]


async def post(client: Client, body: bytes, kind: str, **more: str) -> Any:
    """The response to a submission."""
    headers = {"Content-Type": kind, **more}
    return await client.fetch("/jobs/upload", method="POST", body=body, headers=headers)


async def test_a_form_with_a_file_becomes_a_job(client: Client) -> None:
    response = await post(client, *form(analyze_form()))
    accepted = read(response, 202)
    assert response.headers["Location"] == f"/jobs/{accepted['job_id']}"
    job = await client.get(f"/jobs/{accepted['job_id']}")
    assert (job["type"], job["status"], job["upload"]["size"]) == ("analyze", "queued", len(FILE))


async def test_a_key_is_the_same_on_both_paths(client: Client) -> None:
    body, kind = form(analyze_form())
    first = read(await post(client, body, kind, **{"Idempotency-Key": "1"}), 202)
    headers = {"Content-Type": kind, "Idempotency-Key": "1"}
    again = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert read(again, 202) == first
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_form_is_checked_as_on_the_other_path(client: Client) -> None:
    problem = read(await post(client, *form(analyze_form()[:2])), 422)
    assert fields(problem) == ["filename"]


async def test_json_is_refused(client: Client) -> None:
    body = json.dumps({"type": "sleep", "payload": {"seconds": 5}}).encode()
    problem = read(await post(client, body, "application/json"), 415)
    assert problem["code"] == "media_type_unsupported"
    assert (await client.get("/jobs"))["items"] == []


async def test_there_is_nothing_to_read(client: Client) -> None:
    for method in ("GET", "HEAD"):
        response = await client.fetch("/jobs/upload", method=method)
        assert (response.code, response.headers["Allow"]) == (405, "OPTIONS, POST")
