"""Conditional requests over HTTP: what has changed is neither changed nor deleted by mistake."""

import json
from threading import Thread
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from storage.jobs.retention import delete_job
from storage.records.job import Job
from storage.records.states import Status
from tests.server.api.jobs.test_retry_and_delete import UNKNOWN, failed
from tests.support.api import Client, read
from tests.support.stores import Bench

JSON = {"Content-Type": "application/json"}
SLEEP = {"type": "sleep", "payload": {"seconds": 5}}


async def send(client: Client, method: str, path: str, **headers: str) -> HTTPResponse:
    """Send a request with these headers; "_" in a name stands for "-"."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.fetch(path, method=method, headers=named, body=None)


async def etag_at(client: Client, path: str) -> str:
    """Return the present ETag of a resource; the fast path and Tornado must agree."""
    fast, slow = await client.fetch(path), await client.fetch(path, headers={"X-Plain": "no"})
    assert fast.headers["Etag"] == slow.headers["Etag"]
    return str(fast.headers["Etag"])


@pytest.mark.gen_test
async def test_a_job_is_deleted_only_if_its_etag_matches(client: Client, bench: Bench) -> None:
    path = f"/jobs/{failed(bench).job_id}"
    etag = await etag_at(client, path)
    for headers in (
        {"If_Match": '"nope"'},
        {"If_Match": f"W/{etag}"},
        {"If_None_Match": etag},
        {"If_None_Match": f"W/{etag}"},
        {"If_None_Match": "*"},
        {"If_Match": etag, "If_None_Match": "*"},
    ):
        problem = read(await send(client, "DELETE", path, **headers), 412)
        assert problem["code"] == "precondition_failed"
    for headers in ({"If_Match": "nope"}, {"If_Match": ""}, {"If_None_Match": "nope"}):
        assert read(await send(client, "DELETE", path, **headers), 400)
    assert (await client.get(path))["status"] == "failed"
    assert (await send(client, "DELETE", path, If_Match=f'"other", {etag}')).code == 204
    assert (await send(client, "DELETE", path, If_Match=etag)).code == 404


@pytest.mark.gen_test
async def test_any_job_that_exists_matches_an_asterisk(client: Client, bench: Bench) -> None:
    path = f"/jobs/{failed(bench).job_id}"
    assert (await send(client, "DELETE", path, If_Match="*")).code == 204
    path = f"/jobs/{failed(bench).job_id}"
    assert (await send(client, "DELETE", path, If_None_Match='"other"')).code == 204


@pytest.mark.gen_test
async def test_the_etag_of_an_earlier_state_stops_a_retry_and_a_cancel(
    client: Client, bench: Bench
) -> None:
    path = f"/jobs/{failed(bench).job_id}"
    as_failed = await etag_at(client, path)
    assert (await send(client, "POST", f"{path}/retry", If_Match='"x"')).code == 412
    assert (await send(client, "POST", f"{path}/retry", If_Match=as_failed)).code == 202
    as_queued = await etag_at(client, path)
    assert (await send(client, "POST", f"{path}/cancel", If_Match=as_failed)).code == 412
    assert (await client.get(path))["status"] == "queued"
    assert (await send(client, "POST", f"{path}/cancel", If_Match=as_queued)).code == 200
    assert (await send(client, "POST", f"{path}/cancel", If_Match=as_queued)).code == 412
    assert (await send(client, "POST", f"{path}/cancel", If_Match="*")).code == 200


@pytest.mark.gen_test
async def test_other_refusals_go_before_the_condition(client: Client, bench: Bench) -> None:
    queued = f"/jobs/{await client.sleep_job()}"
    assert (await send(client, "DELETE", queued, If_Match='"x"')).code == 409
    assert (await send(client, "POST", f"{queued}/retry", If_Match='"x"')).code == 409
    ended = f"/jobs/{failed(bench).job_id}/cancel"
    assert (await send(client, "POST", ended, If_Match='"x"')).code == 409
    for method, path in (("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry")):
        assert (await send(client, method, f"/jobs/{UNKNOWN}{path}", If_Match="*")).code == 404


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs", "/queues/default", "/openapi.json", "/docs"])
async def test_reading_is_conditional_too(client: Client, path: str) -> None:
    if "{}" in path:
        path = path.format(await client.sleep_job())
    for method in ("GET", "HEAD"):
        response = await send(client, method, path)
        etag = response.headers["Etag"]
        assert (await send(client, method, path, If_Match=etag)).code == 200
        assert (await send(client, method, path, If_Match="*")).code == 200
        assert (await send(client, method, path, If_Match='"x"')).code == 412
        assert (await send(client, method, path, If_Match=f"W/{etag}")).code == 412
        assert (await send(client, method, path, If_Match="x")).code == 400
        for known in (etag, f"W/{etag}", "*", f'"x", {etag}'):
            unchanged = await send(client, method, path, If_None_Match=known)
            assert (unchanged.code, unchanged.body) == (304, b"")
            assert unchanged.headers["Etag"] == etag
        for unknown in ('"x"', "x", ""):
            assert (await send(client, method, path, If_None_Match=unknown)).code == 200
        both = {"If_Match": '"x"', "If_None_Match": etag}
        assert (await send(client, method, path, **both)).code == 412


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("path", "created", "change"),
    [
        ("/jobs", None, {"priority": 1, "tags": ["x" * 100, "y" * 100]}),
        ("/queues/gpu", {}, {"paused": True}),
        ("/schedules/s", {**SLEEP, "cron": "0 3 * * *"}, {"paused": True}),
        ("/pattern-sets/p", {"patterns": ["a"]}, None),
    ],
)
async def test_a_change_has_the_etag_that_the_next_change_needs(
    client: Client, path: str, created: Any, change: Any
) -> None:
    async def send_json(method: str, document: Any, etag: str) -> HTTPResponse:
        headers = {**JSON, "If-Match": etag} if etag else JSON
        body = json.dumps(document).encode()
        return await client.fetch(path, method=method, body=body, headers=headers)

    if created is None:
        path, etag = f"/jobs/{await client.sleep_job()}", ""
    else:
        made = await send_json("PUT", created, "")
        assert made.code == 201
        etag = made.headers["Etag"]
    method = "PUT" if change is None else "PATCH"
    for _ in range(2):
        assert (await send_json(method, change or created, '"x"')).code == 412
        changed = await send_json(method, change or created, etag)
        assert changed.code == 200
        etag = changed.headers["Etag"]
        assert etag == (await client.fetch(path)).headers["Etag"]


@pytest.mark.gen_test
async def test_a_call_that_changes_nothing_with_an_etag_never_matches(client: Client) -> None:
    job = b'{"type": "sleep", "payload": {"seconds": 5}}'
    for path, body in (("/jobs", job), ("/jobs/cancel", b'{"all": true}')):
        for tag in ("*", '"x"'):
            options: dict[str, Any] = {"method": "POST", "body": body}
            response = await client.fetch(path, headers={**JSON, "If-Match": tag}, **options)
            assert read(response, 412)["code"] == "precondition_failed"
    assert (await client.get("/jobs"))["items"] == []
    response = await client.fetch("/jobs", headers={**JSON, "If-None-Match": "*"}, **options)
    assert response.code == 422  # options has the body of the bulk change


def test_no_one_else_changes_a_job_between_its_check_and_its_change(bench: Bench) -> None:
    job_id = failed(bench).job_id
    rivals = []

    def check(job: Job) -> None:
        assert job.status == Status.FAILED
        rival = Thread(target=lambda: bench.jobs.cancel(job_id))
        rival.start()
        rivals.append(rival)
        rival.join(0.5)

    assert bench.jobs.retry(job_id, check)[0]
    rivals[0].join()
    assert bench.job(job_id).status == Status.CANCELED  # the cancel saw the queued job


def test_no_one_else_changes_a_job_between_its_check_and_its_deletion(bench: Bench) -> None:
    job_id = failed(bench).job_id
    retries: list[Any] = []
    rival = Thread(target=lambda: retries.append(bench.jobs.retry(job_id)))

    def check(job: Job) -> None:
        rival.start()
        rival.join(0.5)

    assert delete_job(bench.store.database, job_id, check)[0] == Status.FAILED
    rival.join()
    assert retries == [(False, None)]
