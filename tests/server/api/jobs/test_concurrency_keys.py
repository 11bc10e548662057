"""`concurrency_key` and `max_per_key` of submissions, and what is refused."""

from typing import Any
from uuid import UUID

import pytest

from storage.records.filters import Filters
from tests.support.api import Client, analyze_form, fields
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test


async def test_a_job_shows_its_concurrency_key(client: Client) -> None:
    job = await client.get(f"/jobs/{await client.sleep_job(concurrency_key='a')}")
    assert (job["concurrency_key"], job["max_per_key"]) == ("a", 1)
    job = await client.get(f"/jobs/{await client.sleep_job(concurrency_key='b', max_per_key=7)}")
    assert (job["concurrency_key"], job["max_per_key"]) == ("b", 7)
    given = [("concurrency_key", None, b"c"), ("max_per_key", None, b"2"), *analyze_form()]
    job = await client.get(f"/jobs/{(await client.post_form(given))['job_id']}")
    assert (job["concurrency_key"], job["max_per_key"]) == ("c", 2)


async def test_a_job_that_waits_for_a_place_is_queued_and_explained(
    client: Client, bench: Bench
) -> None:
    bench.runner()
    first = await client.sleep_job(concurrency_key="a")
    second = await client.sleep_job(concurrency_key="a")
    job = await client.get(f"/jobs/{second}")
    assert (job["status"], job["run_at"]) == ("queued", job["created_at"])
    (reason,) = (await client.get(f"/jobs/{second}/explain"))["reasons"]
    assert reason["code"] == "waits_for_key"
    assert reason["detail"] == f"it waits for a place of its concurrency key, which {first} has"
    await client.post(f"/jobs/{first}/cancel", status=200)
    assert bench.runner().claim_one().job_id == UUID(second)


async def test_a_dry_run_tells_that_a_job_would_wait(client: Client) -> None:
    await client.sleep_job(concurrency_key="a")
    document = {"type": "sleep", "payload": {"seconds": 1}, "concurrency_key": "a"}
    found = await client.post("/jobs?dry_run=true", document, 200)
    assert found["dry_run"]["reasons"][0]["code"] == "waits_for_key"


async def test_metrics_count_jobs_that_waited_for_places(client: Client) -> None:
    for _ in range(3):
        await client.sleep_job(concurrency_key="a")
    text = (await client.fetch("/metrics")).body.decode()
    assert 'job_service_concurrency_waits_total{type="sleep"} 2.0' in text


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("given", "field", "text"),
    [
        ({"concurrency_key": ""}, "concurrency_key", "1"),
        ({"concurrency_key": "x" * 201}, "concurrency_key", "200"),
        ({"concurrency_key": "x "}, "concurrency_key", "sync:customer:42"),
        ({"concurrency_key": "x", "max_per_key": 0}, "max_per_key", "1"),
        ({"concurrency_key": "x", "max_per_key": 1001}, "max_per_key", "1000"),
        ({"concurrency_key": "x", "max_per_key": 1.5}, "max_per_key", "whole number"),
        ({"max_per_key": 2}, "max_per_key", "needs a concurrency_key"),
    ],
)
async def test_wrong_values_are_refused(
    client: Client, bench: Bench, given: dict[str, Any], field: str, text: str
) -> None:
    problem = await client.post("/jobs", {"type": "sleep", "payload": {"seconds": 1}, **given}, 422)
    assert fields(problem) == [field]
    assert text in problem["errors"][0]["detail"]
    assert bench.jobs.list(Filters(), 10).jobs == []
