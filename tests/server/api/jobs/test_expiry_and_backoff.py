"""`expires_at`, `expires_in` and `backoff` of submissions, and what is refused."""

import json
from typing import Any
from uuid import UUID

import pytest

from server.documents.job_documents import rfc3339
from server.start.app import App
from tests.support.api import Client, read
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test


async def test_a_job_shows_when_it_expires(client: Client, bench: Bench) -> None:
    at = "2040-01-31T12:00:00.000Z"
    job = await client.get(f"/jobs/{await client.sleep_job(expires_at=at)}")
    assert job["expires_at"] == at
    job = await client.get(f"/jobs/{await client.sleep_job(expires_in=60)}")
    stored = bench.job(UUID(job["job_id"]))
    assert stored.expires_at == stored.created_at + 60_000
    assert (await client.get(f"/jobs/{await client.sleep_job()}"))["expires_at"] is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (30, 30),
        ([1, 10.5], [1, 10.5]),
        ({"base": 3}, {"base": 3, "factor": 2, "max": 3600}),
        (None, None),
    ],
)
async def test_a_job_shows_its_backoff(client: Client, given: Any, shown: Any) -> None:
    job_id = await client.sleep_job(backoff=given)
    assert (await client.get(f"/jobs/{job_id}"))["backoff"] == shown


@pytest.mark.parametrize(
    ("given", "field", "text"),
    [
        ({"expires_at": "soon"}, "expires_at", "2030-01-31"),
        ({"expires_in": 0}, "expires_in", "above 0"),
        ({"expires_in": "1h"}, "expires_in", "a number, for example 3600 (seconds)"),
        ({"keep_for": "1d"}, "keep_for", "a number, for example 86400 (seconds)"),
        ({"tags": "x"}, "tags", 'for example ["nightly", "customer:42"]'),
        ({"metadata": "x"}, "metadata", 'for example {"customer": 42}'),
        ({"input": "x"}, "input", 'for example {"from": "01a2'),
        ({"expires_at": "2040-01-31", "expires_in": 5}, "expires_in", "not both"),
        ({"delay": 60, "expires_in": 60}, "expires_in", "above the delay"),
        ({"run_at": "2041-01-31", "expires_at": "2040-01-31"}, "expires_at", "after run_at"),
        ({"run_at": "2040-01-31", "expires_in": 5}, "expires_in", "after run_at, 2040-01-31"),
        ({"delay": 86400 * 3650, "expires_at": "2028-01-31"}, "expires_at", "end of the delay"),
        ({"expires_at": "2020-01-31"}, "expires_at", "in the future"),
        ({"backoff": 3601}, "backoff", "0 to 3600"),
        ({"backoff": "30"}, "backoff", "[1, 10, 60]"),
        ({"backoff": True}, "backoff", "number"),
        ({"backoff": []}, "backoff", "1 to 100"),
        ({"backoff": [1, -1]}, "backoff", "each wait"),
        ({"backoff": {}}, "backoff", "base is missing"),
        ({"backoff": {"base": 1, "factor": 11}}, "backoff", "factor"),
        ({"backoff": {"base": 1, "least": 2}}, "backoff", "least"),
    ],
)
async def test_wrong_values_are_refused(
    client: Client, given: dict[str, Any], field: str, text: str
) -> None:
    document = {"type": "sleep", "payload": {"seconds": 1}, **given}
    (error,) = (await client.post("/jobs", document, 422))["errors"]
    assert error["field"] == field
    assert text in error["detail"]


async def test_a_repeated_submission_is_answered_after_its_job_has_expired(
    client: Client, app: App, bench: Bench
) -> None:
    app.job_store._clock = bench.clock
    at = rfc3339(bench.clock() + 60_000)
    document = {"type": "sleep", "payload": {"seconds": 1}, "delay": 30, "expires_at": at}
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    options: dict[str, Any] = {"method": "POST", "body": json.dumps(document), "headers": headers}
    accepted = read(await client.fetch("/jobs", **options), 202)
    bench.clock.forward(3600)
    assert read(await client.fetch("/jobs", **options), 202)["job_id"] == accepted["job_id"]
    (error,) = (await client.post("/jobs", document, 422))["errors"]
    assert error["field"] == "expires_at"


async def test_a_batch_refuses_jobs_that_would_never_start(client: Client) -> None:
    sleep = {"type": "sleep", "payload": {"seconds": 1}}
    late = {"tags": ["a"], "expires_in": 5, "run_at": "2040-01-31"}
    jobs = [sleep, {**sleep, "expires_at": "2020-01-31"}, {**sleep, **late}]
    batch = await client.post("/jobs/batch", jobs)
    found = [(each["index"], each["errors"][0]["field"]) for each in batch["refusals"]]
    assert found == [(1, "expires_at"), (2, "expires_in")]


async def test_times_that_contradict_each_other_are_reported_with_other_errors(
    client: Client,
) -> None:
    document = {"type": "sleep", "payload": {"seconds": -1}, "delay": 60, "expires_in": 60}
    errors = (await client.post("/jobs", document, 422))["errors"]
    assert {each["field"] for each in errors} == {"payload.seconds", "expires_in"}
