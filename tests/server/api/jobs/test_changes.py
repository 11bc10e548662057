"""`PATCH /jobs/ID`: options of a queued job are changed, and bad input is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.api import Client, fields, read
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test
NO_HEADERS: Mapping[str, str] = {}
UNKNOWN = "01a21054-ecc3-7788-9e49-c6d97d1c0c65"


async def change(
    client: Client,
    job_id: str,
    document: Any,
    status: int = 200,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Any:
    given = {"Content-Type": "application/json", **headers}
    body = json.dumps(document)
    path = f"/jobs/{job_id}"
    return read(await client.fetch(path, method="PATCH", body=body, headers=given), status)


async def test_options_of_a_queued_job_are_changed(client: Client) -> None:
    job_id = await client.sleep_job(priority=2)
    run_at = "2040-01-31T12:00:00.000Z"
    given = {"priority": 7, "run_at": run_at, "tags": ["a"], "timeout": 5, "max_retries": 0}
    job = await change(client, job_id, given)
    assert {name: job[name] for name in given} == given
    assert job == await client.get(f"/jobs/{job_id}")
    job = await change(client, job_id, {"timeout": None, "tags": [], "keep_for": 90})
    assert (job["timeout"], job["tags"], job["keep_for"], job["priority"]) == (None, [], 90, 7)


async def test_a_delay_begins_with_the_change(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job(run_at="2040-01-31")
    await change(client, job_id, {"delay": 0})
    assert bench.runner().claim_one()


async def test_a_job_without_a_time_is_due_at_once(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job(run_at="2040-01-31")
    await change(client, job_id, {"run_at": None})
    assert bench.runner().claim_one()


async def test_a_job_is_not_moved_behind_its_expiry(client: Client) -> None:
    for given, name in (({"run_at": "2040-01-31"}, "run_at"), ({"delay": 316_000_000}, "delay")):
        job_id = await client.sleep_job(expires_at="2030-01-31")
        (error,) = (await change(client, job_id, given, 422))["errors"]
        assert error["field"] == name
        assert "before expires_at, 2030-01-31T" in error["detail"]
        await change(client, job_id, {"run_at": "2030-01-30"})


async def test_a_job_is_changed_only_if_its_etag_matches(client: Client) -> None:
    job_id = await client.sleep_job()
    etag = (await client.fetch(f"/jobs/{job_id}")).headers["Etag"]
    await change(client, job_id, {"priority": 1}, headers={"If-Match": etag})
    problem = await change(client, job_id, {"priority": 2}, 412, headers={"If-Match": etag})
    assert problem["code"] == "precondition_failed"
    assert (await client.get(f"/jobs/{job_id}"))["priority"] == 1


async def test_only_a_queued_job_is_changed(client: Client) -> None:
    job_id = await client.sleep_job()
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    problem = await change(client, job_id, {"priority": 1}, 409)
    assert problem["code"] == "job_not_queued"
    assert "canceled" in problem["detail"]
    assert (await change(client, UNKNOWN, {"priority": 1}, 404))["code"] == "job_not_found"
    await change(client, "x", {"priority": 1}, 404)


@pytest.mark.parametrize(
    ("given", "field", "text"),
    [
        ({}, "body", "at least one of"),
        ([], "body", "object"),
        ({"priority": 101}, "priority", "100"),
        ({"priority": None}, "priority", "number"),
        ({"run_at": "soon"}, "run_at", "2030"),
        ({"run_at": "2040-01-31", "delay": 5}, "body", "not both"),
        ({"delay": -1}, "delay", "0"),
        ({"queue": "none"}, "queue", "no such queue"),
        ({"queue": "a b"}, "queue", ""),
        ({"tags": "a"}, "tags", "list"),
        ({"payload": {}}, "payload", "unknown field"),
        ({"prioritty": 5}, "prioritty", "did you mean priority?"),
    ],
)
async def test_wrong_changes_are_refused(client: Client, given: Any, field: str, text: str) -> None:
    job_id = await client.sleep_job()
    before = await client.get(f"/jobs/{job_id}")
    problem = await change(client, job_id, given, 422)
    assert fields(problem) == [field]
    assert text in problem["detail"]
    assert await client.get(f"/jobs/{job_id}") == before


async def test_other_media_types_are_refused_and_the_right_ones_named(client: Client) -> None:
    job_id = await client.sleep_job()
    await change(client, job_id, {"priority": 1}, 415, headers={"Content-Type": "text/plain"})
    merge = "application/merge-patch+json"
    await change(client, job_id, {"priority": 1}, headers={"Content-Type": merge})
    response = await client.fetch(f"/jobs/{job_id}", method="OPTIONS")
    assert "PATCH" in response.headers["Allow"]
    assert merge in response.headers["Accept-Patch"]
