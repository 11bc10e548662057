"""`unique_key`, `unique` and `if_exists` of submissions, and what is refused."""

import json
from typing import Any
from uuid import UUID

import pytest

from storage.records.filters import Filters
from tests.support.api import Client, analyze_form, fields, read
from tests.support.stores import RETURNED, Bench, folder_of, upload_files

pytestmark = pytest.mark.gen_test


def submission(**options: Any) -> dict[str, Any]:
    return {"type": "sleep", "payload": {"seconds": 5}, "unique_key": "sync:customer:42", **options}


async def test_a_job_shows_its_unique_key(client: Client) -> None:
    job = await client.get(f"/jobs/{await client.sleep_job(unique_key='Ä b')}")
    assert (job["unique_key"], job["unique"]) == ("Ä b", "running")
    job = await client.get(f"/jobs/{await client.sleep_job(unique_key='c', unique='final')}")
    assert (job["unique_key"], job["unique"]) == ("c", "final")
    job = await client.get(f"/jobs/{await client.sleep_job(unique_key=None, unique=None)}")
    assert (job["unique_key"], job["unique"]) == (None, None)


async def test_a_second_job_gets_409_with_the_id_of_the_first(client: Client) -> None:
    first = (await client.post("/jobs", submission()))["job_id"]
    problem = await client.post("/jobs", submission(), 409)
    assert (problem["code"], problem["job_id"]) == ("unique_key_held", first)
    assert f"the job {first} holds the unique_key 'sync:customer:42'" in problem["detail"]
    assert problem["detail"].endswith("until its end; it is queued")


async def test_a_second_job_can_return_the_first(client: Client, bench: Bench) -> None:
    first = (await client.post("/jobs", submission()))["job_id"]
    again = await client.post("/jobs", submission(if_exists="return"))
    assert again == {"job_id": first, "status": "queued", "existing": True}
    fence = bench.runner().claim_one()
    again = await client.post("/jobs", submission(if_exists="return"))
    assert again == {"job_id": first, "status": "running", "existing": True}
    bench.runners[0].claims.complete(fence, "1", RETURNED)
    new = await client.post("/jobs", submission(if_exists="return"))
    assert "existing" not in new
    assert new["job_id"] != first


async def test_a_wait_for_an_existing_job_returns_its_result(client: Client, bench: Bench) -> None:
    first = (await client.post("/jobs", submission(unique="final")))["job_id"]
    runner = bench.runner()
    runner.claims.complete(runner.claim_one(), "7", RETURNED)
    again = await client.post("/jobs?wait=5", submission(if_exists="return"), 200)
    assert (again["job_id"], again["result"], again["existing"]) == (first, 7, True)


async def test_a_second_job_can_replace_a_queued_one_only(client: Client, bench: Bench) -> None:
    first = (await client.post("/jobs", submission()))["job_id"]
    second = (await client.post("/jobs", submission(if_exists="replace")))["job_id"]
    old = await client.get(f"/jobs/{first}")
    assert (old["status"], old["error"]["type"]) == ("canceled", "Replaced")
    bench.runner().claim_one()
    problem = await client.post("/jobs", submission(if_exists="replace"), 409)
    assert problem["job_id"] == second
    assert problem["detail"].endswith("it is running, and only a queued job is replaced")


async def test_a_dry_run_tells_of_the_first_job(client: Client, bench: Bench) -> None:
    first = (await client.post("/jobs", submission()))["job_id"]
    problem = await client.post("/jobs?dry_run=true", submission(), 409)
    assert problem["job_id"] == first
    found = await client.post("/jobs?dry_run=true", submission(if_exists="return"), 200)
    assert (found["job_id"], found["existing"], found["dry_run"]["position"]) == (first, True, 1)
    new = await client.post("/jobs?dry_run=true", submission(if_exists="replace"), 200)
    assert "existing" not in new
    assert bench.job(UUID(first)).status == "queued"


async def test_an_answer_with_an_idempotency_key_is_repeated(client: Client) -> None:
    first = (await client.post("/jobs", submission()))["job_id"]
    headers = {"Content-Type": "application/json", "Idempotency-Key": "one"}
    body = json.dumps(submission(if_exists="return"))
    for replayed in (None, "true"):
        response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
        assert read(response, 202)["job_id"] == first
        assert response.headers.get("Idempotency-Replayed") == replayed
    other = json.dumps(submission(if_exists="refuse"))
    response = await client.fetch("/jobs", method="POST", body=other, headers=headers)
    assert read(response, 422)["code"] == "key_reused"


async def test_the_file_of_a_job_that_is_not_stored_is_deleted(
    client: Client, bench: Bench
) -> None:
    key = ("unique_key", None, b"report")
    first = (await client.post_form([key, *analyze_form()]))["job_id"]
    problem = await client.post_form([key, *analyze_form()], 409)
    assert problem["job_id"] == first
    again = await client.post_form([key, ("if_exists", None, b"return"), *analyze_form()])
    assert (again["job_id"], again["existing"]) == (first, True)
    assert len(upload_files(folder_of(bench.store).folder)) == 1


async def test_a_retry_is_refused_while_another_job_holds_the_key(client: Client) -> None:
    first = (await client.post("/jobs", submission()))["job_id"]
    await client.post(f"/jobs/{first}/cancel", status=200)
    second = (await client.post("/jobs", submission()))["job_id"]
    problem = await client.post(f"/jobs/{first}/retry", status=409)
    assert (problem["code"], problem["job_id"]) == ("unique_key_held", second)
    done = await client.post("/jobs/retry", {"all": True}, 200)
    assert (done["matched"], done["changed"]) == (1, 0)
    await client.post(f"/jobs/{second}/cancel", status=200)
    await client.post(f"/jobs/{first}/retry")


async def test_metrics_count_conflicts(client: Client) -> None:
    await client.post("/jobs", submission())
    await client.post("/jobs", submission(), 409)
    text = (await client.fetch("/metrics")).body.decode()
    name = "job_service_unique_conflicts_total"
    assert f'{name}{{outcome="refused",type="sleep"}} 1.0' in text
    assert f'{name}{{outcome="replaced",type="sleep"}} 0.0' in text


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("given", "field", "text"),
    [
        ({"unique_key": ""}, "unique_key", "1"),
        ({"unique_key": "x" * 201}, "unique_key", "200"),
        ({"unique_key": " x"}, "unique_key", "sync:customer:42"),
        ({"unique_key": "x\ny"}, "unique_key", "printable"),
        ({"unique_key": 5}, "unique_key", "text"),
        ({"unique_key": "x", "unique": "started"}, "unique", "queued"),
        ({"unique_key": "x", "if_exists": "ignore"}, "if_exists", "replace"),
        ({"unique": "queued"}, "unique", "needs a unique_key"),
        ({"if_exists": "return"}, "if_exists", "needs a unique_key"),
    ],
)
async def test_wrong_values_are_refused(
    client: Client, bench: Bench, given: dict[str, Any], field: str, text: str
) -> None:
    problem = await client.post("/jobs", {"type": "sleep", "payload": {"seconds": 1}, **given}, 422)
    assert fields(problem) == [field]
    assert text in problem["errors"][0]["detail"]
    assert bench.jobs.list(Filters(), 10).jobs == []
