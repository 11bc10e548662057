"""Schedules over HTTP: they are put, read, changed, run and deleted by permitted callers."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.documents.schedules import MAX_SCHEDULE_BYTES
from server.start.app import App
from storage.records.filters import Filters
from storage.schedules.firing import Firer
from tests.support.api import Client, analyze_form, fields, form, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.metrics import samples
from tests.support.stores import Bench

pytestmark = [pytest.mark.gen_test(timeout=50), pytest.mark.tornado]
BODY = {"type": "sleep", "payload": {"seconds": 1}, "cron": "30 2 * * *"}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with tokens."""
    with open_app(bench, io_loop, api_tokens=API_TOKENS) as application:
        yield application


async def put(
    client: Client, name: str = "s", body: Any = None, caller: str = "ann", **headers: str
) -> HTTPResponse:
    """Put a schedule. "_" in a header's name stands for "-"."""
    return await send(client, "PUT", name, BODY if body is None else body, caller, **headers)


async def send(
    client: Client, method: str, name: str, body: Any, caller: str = "ann", **headers: str
) -> HTTPResponse:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Content-Type": "application/json", **bearer(caller), **more}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.fetch(f"/schedules/{name}", method=method, body=content, headers=sent)


async def get(client: Client, path: str = "/s", status: int = 200) -> Any:
    return await client.get(f"/schedules{path}", status, headers=bearer("rob"))


def fire(bench: Bench) -> None:
    store = bench.store
    Firer(store.database, store.wakeup, bench.clock, bench.jobs.add).fire()


@pytest.fixture(autouse=True)
def clock(bench: Bench, app: App) -> None:
    """Let the listener use the clock of the test."""
    app.schedules._schedules.clock = bench.clock


async def test_a_schedule_is_put_fired_read_and_deleted(client: Client, bench: Bench) -> None:
    options = {"priority": 3, "tags": ["nightly"]}
    given = {**BODY, "timezone": "Europe/Berlin", "options": options, "until": "2027-01-18"}
    response = await put(client, body=given)
    made = read(response, 201)
    assert response.headers["Location"] == "/schedules/s"
    times = ["2027-01-16T01:30:00.000Z", "2027-01-17T01:30:00.000Z"]
    assert made == {
        "name": "s",
        "type": "sleep",
        "payload": {"seconds": 1},
        "cron": "30 2 * * *",
        "every": None,
        "timezone": "Europe/Berlin",
        "missed": "once",
        "overlap": "skip",
        "paused": False,
        "until": "2027-01-18T00:00:00.000Z",
        "options": options,
        "next": times,
        "recent": [],
        "last_job_id": None,
        "created_by": "ann",
        "changed_by": "ann",
        "created_at": "2027-01-15T08:00:00.000Z",
        "updated_at": "2027-01-15T08:00:00.000Z",
        "version": 1,
    }
    bench.clock.forward(86400)
    fire(bench)
    found = await get(client)
    assert found["next"] == times[1:]
    (recent,) = found["recent"]
    assert recent == {
        "nominal_at": times[0],
        "fired_at": "2027-01-16T08:00:00.000Z",
        "job_id": found["last_job_id"],
        "outcome": "submitted",
        "reason": None,
        "status": "queued",
    }
    job = await client.get(f"/jobs/{found['last_job_id']}", headers=bearer("rob"))
    assert (job["schedule"], job["nominal_at"], job["submitted_by"]) == ("s", times[0], "ann")
    assert (job["tags"], job["priority"]) == (["nightly"], 3)
    listed = await client.get("/jobs?schedule=s", headers=bearer("rob"))
    assert [each["job_id"] for each in listed["items"]] == [found["last_job_id"]]
    gone = await client.fetch("/schedules/s", method="DELETE", headers=bearer("ann"))
    assert gone.code == 204
    assert (await get(client, status=404))["code"] == "schedule_not_found"


async def test_schedules_are_listed_page_by_page(client: Client) -> None:
    for name in ("b", "a", "c"):
        read(await put(client, name), 201)
    first = await get(client, "?limit=2")
    assert [each["name"] for each in first["schedules"]] == ["a", "b"]
    assert first["schedules"][0]["next"] == ["2027-01-16T02:30:00.000Z"]
    assert not {"payload", "options", "recent"} & set(first["schedules"][0])
    rest = await get(client, f"?limit=2&cursor={first['next']}")
    assert [each["name"] for each in rest["schedules"]] == ["c"]
    assert rest["next"] is None
    assert fields(await get(client, "?cursor=A!", 422)) == ["cursor"]


async def test_a_patch_changes_some_fields(client: Client) -> None:
    read(await put(client), 201)
    paused = read(await send(client, "PATCH", "s", {"paused": True}), 200)
    assert (paused["paused"], paused["next"], paused["version"]) == (True, [], 2)
    changes = {"cron": None, "every": 3600, "options": {"priority": 9}, "paused": None}
    changed = read(await send(client, "PATCH", "s", changes), 200)
    assert (changed["cron"], changed["every"], changed["paused"]) == (None, 3600, False)
    assert changed["options"] == {"priority": 9}
    assert changed["next"][0] == "2027-01-15T09:00:00.000Z"
    merged = {"payload": {"seconds": 2}, "options": {"tags": ["t"], "priority": None}}
    again = read(await send(client, "PATCH", "s", merged), 200)
    assert (again["payload"], again["options"]) == ({"seconds": 2}, {"tags": ["t"]})
    problem = read(await send(client, "PATCH", "s", {"every": None}), 422)
    assert fields(problem) == ["cron"]
    assert fields(read(await send(client, "PATCH", "s", {}), 422)) == ["body"]
    assert fields(read(await send(client, "PATCH", "s", []), 422)) == ["body"]
    assert fields(read(await send(client, "PATCH", "s", {"colour": 1}), 422)) == ["colour"]
    read(await send(client, "PATCH", "none", {"paused": True}), 404)


async def test_a_schedule_whose_queue_is_gone_can_be_paused(client: Client, bench: Bench) -> None:
    bench.queues.put("gpu")
    read(await put(client, body={**BODY, "options": {"queue": "gpu"}}), 201)
    bench.queues.delete("gpu")
    read(await send(client, "PATCH", "s", {"paused": True}), 200)
    problem = read(await send(client, "PATCH", "s", {"paused": False, "every": None}), 422)
    assert fields(problem) == ["options.queue"]


@SQLITE
@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"cron": "30 2 * *"}, "cron", "cron has 4 fields, expected 5, for example 30 2 * * *"),
        ({"cron": None}, "cron", "give cron"),
        ({"cron": 5}, "cron", "text"),
        ({"every": 60}, "every", "not both"),
        ({"cron": None, "every": 0}, "every", "at least 1"),
        ({"cron": None, "every": 10**9}, "every", "at most 31622400"),
        ({"cron": None, "every": 1.5}, "every", "a whole number, for example 3600 (seconds)"),
        ({"timezone": "Berlin"}, "timezone", "Europe/Berlin"),
        ({"timezone": None}, "timezone", "text"),
        ({"missed": "later"}, "missed", "'once'"),
        ({"missed": "all"}, "missed", "overlap"),
        ({"overlap": "x"}, "overlap", "'skip'"),
        ({"paused": 1}, "paused", "true or false"),
        ({"until": "soon"}, "until", "2030-01-31T12:00:00Z"),
        ({"until": "2020-01-31"}, "until", "in the future"),
        ({"until": "2027-01-16", "cron": "30 2 1 * *"}, "until", "be 2027-02-01T02:30:00.000Z, so"),
        ({"type": "slep"}, "type", "did you mean sleep?"),
        ({"type": None}, "type", "text"),
        ({"payload": {"secs": 1}}, "payload.secs", "did you mean seconds?"),
        ({"payload": []}, "payload", "object"),
        ({"options": {"queue": "none"}}, "options.queue", "there is no such queue"),
        ({"options": {"priority": 101}}, "options.priority", "at most 100"),
        ({"options": {"run_at": "2030-01-01"}}, "options.run_at", "unknown field"),
        ({"options": {"callback_url": "http://x"}}, "options.callback_url", "CALLBACK_HOSTS"),
        ({"options": []}, "options", "object"),
        ({"colour": 1}, "colour", "unknown field"),
    ],
)
async def test_each_error_names_its_field(
    client: Client, changes: dict[str, Any], field: str, part: str
) -> None:
    problem = read(await put(client, body={**BODY, **changes}), 422)
    found = {error["field"]: error["detail"] for error in problem["errors"]}
    assert part in found[field], found
    read(await put(client, "UPPER"), 422)
    assert (await get(client, ""))["schedules"] == []


@SQLITE
async def test_all_errors_come_at_once(client: Client) -> None:
    wrong = {"payload": {}, "cron": "x", "options": {"queue": "none", "priority": 1000}}
    problem = read(await put(client, body={"type": "sleep", **wrong}), 422)
    assert sorted(fields(problem)) == [
        "cron",
        "options.priority",
        "options.queue",
        "payload.seconds",
    ]
    read(await put(client, body=b"{"), 400)
    assert fields(read(await put(client, body=[]), 422)) == ["body"]
    read(await put(client, body={**BODY, "payload": {"x": "y" * MAX_SCHEDULE_BYTES}}), 413)


async def test_a_job_type_with_a_file_uses_the_file_of_an_earlier_job(
    client: Client, bench: Bench
) -> None:
    body, kind = form(analyze_form())
    headers = {"Content-Type": kind, **bearer("ann")}
    posted = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    source = read(posted, 202)["job_id"]
    payload: dict[str, Any] = {"pattern_sets": ["nginx"]}
    given = {"type": "analyze", "payload": payload, "every": 60}
    assert fields(read(await put(client, body=given), 422)) == ["payload.source"]
    payload["source"] = {"job_id": "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"}
    assert fields(read(await put(client, body=given), 422)) == ["payload.source.job_id"]
    payload["source"] = {"job_id": source}
    assert read(await put(client, body=given), 201)["payload"] == payload
    bench.clock.forward(60)
    fire(bench)
    job_id = (await get(client))["last_job_id"]
    job = await client.get(f"/jobs/{job_id}", headers=bearer("rob"))
    assert job["upload"]["name"] == "app.log"
    assert len(job["payload"]["patterns"]) > 3


async def test_a_run_submits_a_job_now(client: Client, bench: Bench) -> None:
    read(await put(client, body={**BODY, "paused": True}), 201)
    response = await send(client, "POST", "s/run", b"", Idempotency_Key="k")
    accepted = read(response, 202)
    assert accepted["status"] == "queued"
    assert response.headers["Location"] == f"/jobs/{accepted['job_id']}"
    again = await send(client, "POST", "s/run", b"", Idempotency_Key="k")
    assert read(again, 202) == accepted
    assert again.headers["Idempotency-Replayed"] == "true"
    busy = read(await send(client, "POST", "s/run", b""), 409)
    assert (busy["code"], busy["job_id"]) == ("schedule_busy", accepted["job_id"])
    assert f"wait for the end of the job {accepted['job_id']}, or cancel it" in busy["detail"]
    read(await send(client, "POST", "none/run", b""), 404)
    read(await put(client, "other"), 201)
    reused = read(await send(client, "POST", "other/run", b"", Idempotency_Key="k"), 422)
    assert reused["code"] == "key_reused"
    bench.jobs.cancel((await _job(bench)).id)
    waited = await send(client, "POST", "s/run?wait=0.01", b"")
    assert read(waited, 202)["schedule"] == "s"


async def _job(bench: Bench) -> Any:
    return bench.jobs.list(Filters(schedule="s"), 1).jobs[0]


async def test_jobs_of_a_schedule_have_keys(client: Client, bench: Bench) -> None:
    holder = bench.enqueue(unique_key="once")
    keys = {"unique_key": "once", "concurrency_key": "few", "max_per_key": 2}
    assert read(await put(client, body={**BODY, "options": keys}), 201)["options"] == keys
    refused = read(await send(client, "POST", "s/run", b""), 409)
    assert (refused["code"], refused["job_id"]) == ("unique_key_held", str(holder))
    bad = read(await put(client, body={**BODY, "options": {"max_per_key": 2}}), 422)
    assert [each["field"] for each in bad["errors"]] == ["options.max_per_key"]


async def test_only_the_creator_and_admins_may_change_or_run_a_schedule(client: Client) -> None:
    read(await put(client), 201)
    for method, name in (("PUT", "s"), ("PATCH", "s"), ("POST", "s/run"), ("DELETE", "s")):
        body: Any = {"paused": True} if method == "PATCH" else BODY
        body = b"" if method in ("POST", "DELETE") else body
        problem = read(await send(client, method, name, body, "sue"), 403)
        assert problem["code"] == "not_your_schedule"
        assert read(await send(client, method, name, body, "rob"), 403)["code"] == "role_too_low"
    changed = read(await put(client, caller="ada"), 200)
    assert (changed["created_by"], changed["changed_by"]) == ("ann", "ada")


async def test_a_change_can_depend_on_the_etag(client: Client, bench: Bench) -> None:
    read(await put(client, If_None_Match="*"), 201)
    read(await put(client, If_None_Match="*"), 412)
    response = await client.fetch("/schedules/s", headers=bearer("rob"))
    etag = response.headers["Etag"]
    bench.clock.forward(86400)
    fire(bench)
    fresh = await client.fetch("/schedules/s", headers={**bearer("rob"), "If-None-Match": etag})
    assert fresh.code == 200  # it has been fired
    read(await send(client, "PATCH", "s", {"paused": True}, If_Match=etag), 200)
    read(await send(client, "PATCH", "s", {"paused": False}, If_Match=etag), 412)
    read(await send(client, "DELETE", "s", b"", If_Match=etag), 412)
    read(await send(client, "POST", "s/run", b"", If_Match=etag), 412)
    read(await send(client, "PUT", "new", BODY, If_Match=etag), 412)


@SQLITE
async def test_changes_are_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "server.http.request_log"):
        read(await put(client), 201)
        read(await send(client, "PATCH", "s", {"paused": True}), 200)
    changes = [vars(each) for each in caplog.records if each.message == "change"]
    named = [(each["action"], each["schedule"], each["caller"]) for each in changes]
    assert named == [("put schedule", "s", "ann"), ("change schedule", "s", "ann")]


@SQLITE
async def test_metrics_count_schedules_and_firings(client: Client, bench: Bench) -> None:
    read(await put(client), 201)
    read(await put(client, "p", {**BODY, "paused": True}), 201)
    bench.clock.forward(86400)
    fire(bench)
    found = await samples(client, **bearer("rob"))
    assert found["schedules", "active"] == found["schedules", "paused"] == 1
    assert found["schedule_late_seconds",] == 0
    assert found["schedule_firings_total", "submitted", "sleep"] == 1
    assert found["schedule_firings_total", "missed", "sleep"] == 0
