"""Queues over HTTP, and with real workers."""

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storage.db.models import QueueRow
from storage.jobs.queues import MAX_QUEUES
from tests.storage.queries.test_explain import codes
from tests.support.api import Client, fields, read
from tests.support.openapi_conformance import described_api
from tests.support.programs import Service, running_service
from tests.support.stores import Bench

pytestmark = pytest.mark.tornado


async def send(client: Client, method: str, name: str, settings: Any, **headers: str) -> Any:
    """Send settings of a queue; returns the response. "_" in a header's name stands for "-"."""
    more = {each.replace("_", "-"): value for each, value in headers.items()}
    kind = {"Content-Type": "application/json", **more}
    body = json.dumps(settings).encode()
    return await client.fetch(f"/queues/{name}", method=method, body=body, headers=kind)


async def put(client: Client, name: str, status: int = 200, **settings: Any) -> Any:
    """Create a queue or replace its settings; returns the document of the response."""
    return read(await send(client, "PUT", name, settings), status)


async def patch(client: Client, name: str, status: int = 200, **changes: Any) -> Any:
    """Change settings of a queue; returns the document of the response."""
    return read(await send(client, "PATCH", name, changes), status)


@pytest.mark.gen_test
async def test_a_queue_is_created_changed_listed_and_deleted(client: Client) -> None:
    made = await put(client, "gpu", 201, max_running=2)
    assert made == {
        "name": "gpu",
        "max_running": 2,
        "paused": False,
        "paused_at": None,
        "running": 0,
        "queued": 0,
        "queued_is_more": False,
        "oldest_due_seconds": None,
    }
    paused = await patch(client, "gpu", paused=True)
    assert (paused["max_running"], paused["paused"]) == (2, True)
    assert paused["paused_at"]
    assert (await client.get("/queues/gpu")) == paused
    assert (await patch(client, "gpu", max_running=None))["max_running"] is None
    listed = await client.get("/queues")
    assert [each["name"] for each in listed["items"]] == ["default", "gpu"]
    assert (await client.fetch("/queues/gpu", method="DELETE")).code == 204
    assert read(await client.fetch("/queues/gpu"), 404)["detail"].startswith("there is no queue")
    assert read(await client.fetch("/queues/gpu", method="DELETE"), 404)


@pytest.mark.gen_test
async def test_put_replaces_all_settings_and_patch_only_the_given_ones(client: Client) -> None:
    await put(client, "gpu", 201, max_running=2, paused=True)
    for changes, limit, paused in (
        ({}, 2, True),
        ({"max_running": 3}, 3, True),
        ({"paused": False}, 3, False),
        ({"max_running": None, "paused": True}, None, True),
    ):
        changed = await patch(client, "gpu", **changes)
        assert (changed["max_running"], changed["paused"]) == (limit, paused)
    since = changed["paused_at"]
    assert (await patch(client, "gpu", paused=True))["paused_at"] == since
    for settings, limit, paused in (
        ({"max_running": 4}, 4, False),
        ({"paused": True}, None, True),
        ({}, None, False),
    ):
        replaced = await put(client, "gpu", **settings)
        assert (replaced["max_running"], replaced["paused"]) == (limit, paused)


@pytest.mark.gen_test
async def test_patch_takes_a_merge_patch_and_changes_only_queues_that_exist(
    client: Client,
) -> None:
    headers = {"Content_Type": "application/merge-patch+json; charset=utf-8"}
    response = await send(client, "PATCH", "default", {"max_running": 5}, **headers)
    assert read(response, 200)["max_running"] == 5
    assert (await send(client, "PUT", "default", {}, **headers)).code == 415
    patch_json = {"Content_Type": "application/json-patch+json"}
    assert (await send(client, "PATCH", "default", {}, **patch_json)).code == 415
    assert (await patch(client, "gpu", 404, paused=True))["code"] == "queue_not_found"
    assert fields(read(await send(client, "PATCH", "default", []), 422)) == ["body"]
    assert len((await client.get("/queues"))["items"]) == 1
    options = await client.fetch("/queues/default", method="OPTIONS")
    assert options.headers["Accept-Patch"] == "application/json, application/merge-patch+json"


def test_the_description_of_patch_has_no_defaults() -> None:
    schemas = described_api()["components"]["schemas"]
    changes = schemas["QueueChanges"]
    assert set(changes["properties"]) == set(schemas["QueueBody"]["properties"])
    assert all("default" not in each for each in changes["properties"].values())
    assert "required" not in changes
    assert changes["additionalProperties"] is False


@pytest.mark.gen_test
async def test_a_queue_is_changed_only_if_the_etag_of_its_settings_matches(
    client: Client,
) -> None:
    path = "/queues/gpu"
    absent, present = {"If_None_Match": "*"}, {"If_Match": "*"}
    assert (await send(client, "PUT", "gpu", {}, **present)).code == 412
    assert (await send(client, "PATCH", "gpu", {}, **present)).code == 404
    assert (await client.fetch(path, method="DELETE", headers={"If-Match": "*"})).code == 404
    assert (await send(client, "PUT", "gpu", {}, **absent)).code == 201
    assert (await send(client, "PUT", "gpu", {}, **absent)).code == 412
    old = (await client.fetch(path)).headers["Etag"]
    await client.sleep_job(queue="gpu")
    busy = (await client.fetch(path)).headers["Etag"]
    assert busy != old  # its counts have changed
    for etag in (f"W/{old}", '"x"', old[:-1]):
        assert (await send(client, "PATCH", "gpu", {}, If_Match=etag)).code in (400, 412)
    changed = await send(client, "PATCH", "gpu", {"max_running": 7}, If_Match=old)
    assert read(changed, 200)["max_running"] == 7
    for method in ("PATCH", "PUT"):
        refused = await send(client, method, "gpu", {"paused": True}, If_Match=f"{old}, {busy}")
        assert read(refused, 412)["code"] == "precondition_failed"
    assert read(await client.fetch(path), 200)["paused"] is False
    deleted = await client.fetch(path, method="DELETE", headers={"If-Match": old})
    assert deleted.code == 409  # it has a job, whatever the condition
    await client.post("/jobs/cancel", {"queue": "gpu"}, 200)
    new = (await client.fetch(path)).headers["Etag"]
    for etag, status in ((old, 412), (new, 204)):
        response = await client.fetch(path, method="DELETE", headers={"If-Match": etag})
        assert response.code == status


@pytest.mark.gen_test
async def test_a_job_goes_into_the_queue_it_names(client: Client) -> None:
    await put(client, "gpu", 201)
    job_id = await client.sleep_job(queue="gpu")
    other = await client.sleep_job()
    assert (await client.get(f"/jobs/{job_id}"))["queue"] == "gpu"
    listed = await client.get("/jobs?queue=gpu")
    assert [job["job_id"] for job in listed["items"]] == [job_id]
    listed = await client.get("/jobs?queue=default")
    assert [job["job_id"] for job in listed["items"]] == [other]
    used = read(await client.fetch("/queues/gpu", method="DELETE"), 409)
    assert used["detail"] == "the queue gpu has jobs that are queued or running"


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["typo", "", "No Capitals", "x" * 65, 5, "é"])
async def test_a_job_for_an_unknown_queue_is_refused(client: Client, name: Any) -> None:
    document = {"type": "sleep", "payload": {"seconds": 5}, "queue": name}
    assert fields(await client.post("/jobs", document, 422)) == ["queue"]
    if isinstance(name, str):
        parts = [("queue", name), ("type", "sleep"), ("payload", '{"seconds": 5}')]
        form = [(each, None, value.encode()) for each, value in parts]
        assert fields(await client.post_form([*form], 422)) == ["queue"]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_running": 0}, "max_running"),
        ({"max_running": 1.5}, "max_running"),
        ({"max_running": "3"}, "max_running"),
        ({"paused": 1}, "paused"),
        ({"paused": None}, "paused"),
        ({"limit": 3}, "limit"),
    ],
)
async def test_an_invalid_setting_of_a_queue_is_named(
    client: Client, changes: dict[str, Any], field: str
) -> None:
    for change in (put, patch):
        assert fields(await change(client, "gpu", 422, **changes)) == [field]
    assert (await client.fetch("/queues/gpu")).code == 404


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["Big", "a%20b", "-a", "x" * 65, "%C3%A9", "a%00b"])
async def test_an_invalid_queue_name_is_refused(client: Client, name: str) -> None:
    assert fields(await put(client, name, 422)) == ["name"]
    for method in ("GET", "DELETE"):
        assert (await client.fetch(f"/queues/{name}", method=method)).code == 404


@pytest.mark.gen_test
async def test_the_default_queue_can_be_paused_but_not_deleted(client: Client) -> None:
    assert (await put(client, "default", paused=True))["paused"] is True
    refused = read(await client.fetch("/queues/default", method="DELETE"), 409)
    assert refused["detail"] == (
        "the queue default cannot be deleted: jobs that name no queue go there"
    )


@pytest.mark.gen_test
async def test_the_number_of_queues_is_limited(client: Client, bench: Bench) -> None:
    for number in range(MAX_QUEUES - 2):
        bench.queues.put(f"q{number}")
    await put(client, "last", 201)
    assert "delete one" in (await put(client, "one-more", 409))["detail"]


@pytest.mark.heavy
@pytest.mark.gen_test
async def test_explain_reports_a_paused_or_full_queue(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    await put(client, "gpu", 201, max_running=1)
    running, waiting = bench.enqueue(queue="gpu"), bench.enqueue(queue="gpu")
    bench.runner({"default"})
    assert await codes(client, waiting) == ["jobs_ahead", "no_runner"]
    runner = bench.runner({"gpu"})
    assert await codes(client, running) == ["next"]
    runner.claims.claim(1)
    assert await codes(client, waiting) == ["queue_full", "no_estimate"]
    await patch(client, "gpu", paused=True)
    assert await codes(client, waiting) == ["queue_paused", "queue_full"]
    explained = await client.get(f"/jobs/{waiting}/explain")
    assert (explained["runners"], explained["estimated_seconds"]) == (1, None)


@pytest.mark.gen_test
async def test_explain_reports_a_queue_that_was_deleted(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    await put(client, "gone", 201)
    job_id = bench.enqueue(queue="gone")
    bench.runner()
    bench.store.database.run(QueueRow.delete().where(QueueRow.name == "gone"))
    assert await codes(client, job_id) == ["no_queue"]
    explained = await client.get(f"/jobs/{job_id}/explain")
    assert "PUT /queues/gone" in explained["reasons"][0]["detail"]
    names = ("position", "ahead", "estimated_seconds", "estimated_duration", "estimated_end_at")
    assert {explained[name] for name in names} == {None}


@pytest.mark.gen_test
async def test_jobs_of_paused_queues_do_not_count_as_ahead(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    for name in ("held", "few"):
        await put(client, name, 201)
    for name in ("held", "few", "few", "few", "default"):
        bench.enqueue(queue=name, priority=1)
    job_id = bench.enqueue()
    assert (await client.get(f"/jobs/{job_id}/explain"))["ahead"] == 5
    await put(client, "held", paused=True)
    assert (await client.get(f"/jobs/{job_id}/explain"))["ahead"] == 4
    await put(client, "few", max_running=2)
    assert (await client.get(f"/jobs/{job_id}/explain"))["ahead"] == 3


@pytest.mark.gen_test
async def test_queues_are_in_the_metrics_and_the_overview(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    await put(client, "gpu", 201, max_running=3)
    bench.enqueue(queue="gpu")
    bench.enqueue(queue="gpu")
    bench.runner({"gpu", "default"}).claims.claim(1)
    await put(client, "default", paused=True)
    text = (await client.fetch("/metrics")).body.decode()
    found = {
        (sample.name.removeprefix("job_service_queue_"), sample.labels["queue"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "queue" in sample.labels
    }
    assert found["jobs_queued", "gpu"] == found["jobs_running", "gpu"] == 1
    assert (found["max_running", "gpu"], found["max_running", "default"]) == (3, float("inf"))
    assert (found["paused", "gpu"], found["paused", "default"]) == (0, 1)
    assert ("oldest_due_seconds", "gpu") in found
    name = bench.runners[0].liveness.name
    assert f'job_service_runner_slots{{runner="{name}",state="free"}} 2.0' in text
    assert f'job_service_runner_slots{{runner="{name}",state="busy"}} 1.0' in text
    overview = await client.get("/overview")
    assert [each["name"] for each in overview["queues"]] == ["default", "gpu"]
    assert [each["queues"] for each in overview["runners"]] == [["default", "gpu"]]


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Any:
    with running_service(database_url, tmp_path) as service:
        yield service


def change(service: Service, name: str, **changes: Any) -> None:
    status, answer = service.call("PUT", f"/queues/{name}", changes)
    assert status in (200, 201), answer


@pytest.mark.heavy
def test_two_workers_respect_the_limit_of_a_queue(service: Service) -> None:
    change(service, "few", max_running=2)
    for _ in range(2):
        service.worker(CONCURRENCY_LIMIT="3")
    ids = [service.submit(payload={"seconds": 0.1}, queue="few") for _ in range(12)]
    other = service.submit(payload={"seconds": 0})
    assert service.result(other)["status"] == "succeeded"
    assert {service.result(job_id)["status"] for job_id in ids} == {"succeeded"}
    assert {service.job(job_id)["attempt"] for job_id in ids} == {1}
    assert overlaps(service, ids) <= 2


def overlaps(service: Service, ids: list[str]) -> int:
    """Return how many of these jobs ran at once at most, from the times of their attempts."""
    attempts = [service.job(job_id)["attempts"][0] for job_id in ids]
    spans = [(str(each["started_at"]), str(each["finished_at"])) for each in attempts]
    return max(sum(start <= at < end for start, end in spans) for at, _ in spans)


@pytest.mark.heavy
def test_a_worker_takes_only_its_queues_and_no_paused_one(service: Service) -> None:
    for name in ("fast", "slow"):
        change(service, name)
    worker = service.worker(QUEUES="fast, default")
    ready = worker.logged("ready")
    assert ready["runner"].startswith(f"{ready['instance']}-")
    held = service.submit(payload={"seconds": 0}, queue="slow")
    change(service, "fast", paused=True)
    paused = service.submit(payload={"seconds": 0}, queue="fast")
    assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"
    assert [service.job(each)["status"] for each in (held, paused)] == ["queued", "queued"]
    change(service, "fast", paused=False)
    assert service.result(paused)["status"] == "succeeded"
    assert service.job(held)["status"] == "queued"
    service.worker(QUEUES="slow")
    assert service.result(held)["status"] == "succeeded"
